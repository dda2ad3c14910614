// adamw — one AdamW step of one parameter tensor, in place.
//
//   g = factor · gradient;  where factor is 0, nothing changes
//   first  ← first + (1 − β₁) · (g − first)
//   second ← β₂ · second + (1 − β₂) · g²
//   parameter ← parameter · (1 − lr · decay)
//                 − lr · (first · correction₁) / (√(second · correction₂) + eps)
//
//   parameter, first, second  f32[count · VECTOR]    updated in place
//   gradient                  f32[count · VECTOR]
//   schedule                  f32[3]    lr, correction₁ = 1 / (1 − β₁ᵗ), correction₂ likewise
//   factor                    f32[1]    of gradients (clip_factor, loss_scale); 1 leaves their bits
//
// ITEMS Vectors per thread, WG apart, so that neighbours read neighbours. 1 − β and the
// corrections are made in double on the host: in f32, 1 − 0.999 has an error of 3e-5 and the power
// a larger one. |g| below 1e-19 counts as 0 in second, where its square leaves f32.
//
// Source: Loshchilov & Hutter 2019, arXiv:1711.05101, alg. 2, as in torch.optim.AdamW.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // Vectors per thread
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params {
  count: u32, // Vectors
  one_minus_beta1: f32,
  beta2: f32,
  one_minus_beta2: f32,
  eps: f32, // added to the root, in units of the gradient
  decay: f32, // per unit of lr
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<Vector>;
@group(0) @binding(2) var<storage, read> schedule: array<f32>;
@group(0) @binding(3) var<storage, read> factor: array<f32>;
@group(0) @binding(4) var<storage, read_write> parameter: array<Vector>;
@group(0) @binding(5) var<storage, read_write> first: array<Vector>;
@group(0) @binding(6) var<storage, read_write> second: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let by = factor[0];
  if (by == 0.0) {
    return; // uniform over the dispatch
  }
  let lr = schedule[0];
  let keep = 1.0 - lr * params.decay;
  let begin = linear_workgroup(group, groups) * WG * ITEMS + thread;
  let end = min(begin + WG * ITEMS, params.count);
  for (var i = begin; i < end; i += WG) {
    let g = by * gradient[i];
    let m = first[i] + params.one_minus_beta1 * (g - first[i]);
    let v = params.beta2 * second[i] + params.one_minus_beta2 * g * g;
    let root = sqrt(v * schedule[2]) + params.eps;
    first[i] = m;
    second[i] = v;
    parameter[i] = keep * parameter[i] - lr * (m * schedule[1]) / root;
  }
}
