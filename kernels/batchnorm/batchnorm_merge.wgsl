// batchnorm_merge — the statistics of each column from those of its parts; running ones updated.
//
//   m[c]        = Σ_p n_p · mean[p,c] / rows
//   S[c]        = Σ_p (squares[p,c] + n_p · (mean[p,c] − m[c])²)
//   stats[0,c]  = m[c]
//   stats[1,c]  = 1 / √(S[c] / rows + eps)
//   running_mean[c]      ← (1 − momentum) · running_mean[c] + momentum · m[c]
//   running_variance[c]  ← (1 − momentum) · running_variance[c] + momentum · S[c] / (rows − 1)
//
//   mean, squares                    f32[parts, cols]    of batchnorm_moments
//   running_mean, running_variance   f32[cols]           updated in place
//   stats                            f32[2, cols]        saved for batchnorm and its gradients
//
// One thread per column, over its parts in order, twice: the mean is summed as deviations from the
// first part's, the squares about the mean, so nothing cancels: S adds at most parts + 4 units in
// the last place to the error of the parts' own squares.
//
// Source: Ioffe & Szegedy 2015, arXiv:1502.03167, alg. 1; Chan, Golub & LeVeque 1983 (as in
// batchnorm_moments) for merging parts; the unbiased running variance and the sense of momentum are
// torch.nn.BatchNorm2d's.

const WG: u32 = 64; // threads per workgroup

struct Params {
  rows: u32,
  cols: u32,
  span: u32, // rows per part; the last part may have fewer
  eps: f32, // added to the variance, in units of x²
  momentum: f32, // weight of this batch in the running statistics
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> squares: array<f32>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_variance: array<f32>;
@group(0) @binding(5) var<storage, read_write> stats: array<f32>;

fn rows_from(first: u32) -> f32 {
  return f32(min(params.span, params.rows - first));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let c = group.x * WG + thread;
  if (c >= params.cols) {
    return;
  }
  let rows = f32(params.rows);
  let shift = mean[c];
  var sum = 0.0;
  var i = c;
  for (var first = 0u; first < params.rows; first += params.span) {
    sum += rows_from(first) * (mean[i] - shift);
    i += params.cols;
  }
  let batch_mean = shift + sum / rows;
  var deviation = 0.0;
  i = c;
  for (var first = 0u; first < params.rows; first += params.span) {
    let d = mean[i] - batch_mean;
    deviation += squares[i] + rows_from(first) * d * d;
    i += params.cols;
  }
  stats[c] = batch_mean;
  stats[params.cols + c] = 1.0 / sqrt(deviation / rows + params.eps);
  let keep = 1.0 - params.momentum;
  running_mean[c] = keep * running_mean[c] + params.momentum * batch_mean;
  let unbiased = deviation / (rows - 1.0);
  running_variance[c] = keep * running_variance[c] + params.momentum * unbiased;
}
