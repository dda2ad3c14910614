// layernorm — normalise each row of x, then scale and shift.
//
//   mean[r] = Σ_c x[r,c] / cols
//   rstd[r] = 1 / √(Σ_c (x[r,c] − mean[r])² / cols + eps)
//   y[r,c]  = (x[r,c] − mean[r]) · rstd[r] · gain[c] + bias[c]
//
//   x, y        f32[rows, cols]
//   gain, bias  f32[cols]
//   mean, rstd  f32[rows]         saved for layernorm_grad
//
// LANES threads per row, which stride over its columns; WG / LANES rows per workgroup. The variance
// is summed about the mean: E[x²] − E[x]² cancels in f32 when |mean| ≫ std.
//
// Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450, eqs. 3–4.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 8; // threads per row; divides WG (lanes)

struct Params { rows: u32, cols: u32, eps: f32 /* added to the variance, in units of x² */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gain: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> rstd: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let r = linear_workgroup(group, groups) * (WG / LANES) + thread / LANES;
  let lane = thread % LANES;
  let row = r * params.cols;
  let end = select(0u, params.cols, r < params.rows);
  let cols = f32(params.cols);
  var sum = 0.0;
  for (var c = lane; c < end; c += LANES) {
    sum += x[row + c];
  }
  let row_mean = lanes_sum(thread, sum) / cols;
  var squares = 0.0;
  for (var c = lane; c < end; c += LANES) {
    let d = x[row + c] - row_mean;
    squares += d * d;
  }
  let row_rstd = 1.0 / sqrt(lanes_sum(thread, squares) / cols + params.eps);
  for (var c = lane; c < end; c += LANES) {
    y[row + c] = (x[row + c] - row_mean) * row_rstd * gain[c] + bias[c];
  }
  if (lane == 0u && r < params.rows) {
    mean[r] = row_mean;
    rstd[r] = row_rstd;
  }
}
