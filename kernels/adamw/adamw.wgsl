// adamw — one AdamW step of up to three parameter tensors, in place.
//
//   g = factor · gradient;  where factor is 0, nothing changes
//   first  ← first + (1 − β₁) · (g − first)
//   second ← β₂ · second + (1 − β₂) · g²
//   parameter ← parameter · (1 − lr · decay)
//                 − lr · (first · correction₁) / (√(second · correction₂) + eps)
//
//   parameter, first, second  f32[…]    updated in place; tensor k lies from Vector begin_k on
//   gradient_k                f32[count_k · VECTOR]    k = 0, 1, 2; begin₀ = 0
//   schedule                  f32[3]    lr, correction₁ = 1 / (1 − β₁ᵗ), correction₂ likewise
//   factor                    f32[1]    of gradients (clip_factor, loss_scale); 1 leaves their bits
//
// A model has a hundred tensors, most of them short. Those of a tree of state share a buffer, so
// gradients alone take a binding each: three are as many as the eight that every adapter has allow.
// A workgroup is one tensor's; ITEMS Vectors per thread, WG apart, so that neighbours read
// neighbours. 1 − β and the corrections are made in double on the host: in f32, 1 − 0.999 has an
// error of 3e-5 and the power a larger one. |g| below 1e-19 counts as 0 in second, where its square
// leaves f32.
//
// Source: Loshchilov & Hutter 2019, arXiv:1711.05101, alg. 2, as in torch.optim.AdamW.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // Vectors per thread
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params {
  count0: u32, // Vectors; 0 where there is no such tensor
  count1: u32,
  count2: u32,
  begin1: u32,
  begin2: u32,
  decay0: f32, // per unit of lr
  decay1: f32,
  decay2: f32,
  one_minus_beta1: f32,
  beta2: f32,
  one_minus_beta2: f32,
  eps: f32, // added to the root, in units of the gradient
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> schedule: array<f32>;
@group(0) @binding(2) var<storage, read> factor: array<f32>;
@group(0) @binding(3) var<storage, read> gradient0: array<Vector>;
@group(0) @binding(4) var<storage, read> gradient1: array<Vector>;
@group(0) @binding(5) var<storage, read> gradient2: array<Vector>;
@group(0) @binding(6) var<storage, read_write> parameter: array<Vector>;
@group(0) @binding(7) var<storage, read_write> first: array<Vector>;
@group(0) @binding(8) var<storage, read_write> second: array<Vector>;

fn gradient(k: u32, i: u32) -> Vector {
  if (k == 0u) {
    return gradient0[i];
  }
  if (k == 1u) {
    return gradient1[i];
  }
  return gradient2[i];
}

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
  let counts = vec3<u32>(params.count0, params.count1, params.count2);
  let shares = (counts + WG * ITEMS - 1u) / (WG * ITEMS); // workgroups of each tensor
  var share = linear_workgroup(group, groups);
  var k = 0u;
  while (k < 2u && share >= shares[k]) {
    share -= shares[k];
    k++;
  }
  let at = vec3<u32>(0u, params.begin1, params.begin2)[k];
  let lr = schedule[0];
  let keep = 1.0 - lr * vec3<f32>(params.decay0, params.decay1, params.decay2)[k];
  let begin = share * WG * ITEMS + thread;
  let end = min(begin + WG * ITEMS, counts[k]);
  for (var i = begin; i < end; i += WG) {
    let g = by * gradient(k, i);
    let p = at + i;
    let m = first[p] + params.one_minus_beta1 * (g - first[p]);
    let v = params.beta2 * second[p] + params.one_minus_beta2 * g * g;
    let root = sqrt(v * schedule[2]) + params.eps;
    first[p] = m;
    second[p] = v;
    parameter[p] = keep * parameter[p] - lr * (m * schedule[1]) / root;
  }
}
