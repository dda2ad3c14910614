// sgd — one step of gradient descent with momentum on one parameter tensor, in place.
//
//   momentum  ← keep · momentum + factor · gradient + decay · parameter
//   parameter ← parameter − lr · momentum;  where factor is 0, nothing changes
//
//   parameter, momentum  f32[count · VECTOR]    updated in place
//   gradient             f32[count · VECTOR]
//   schedule             f32[3]                 lr first; the rest is AdamW's
//   factor               f32[1]                 (clip_factor, loss_scale); 1 leaves gradients' bits
//
// One thread per Vector.
//
// Source: Sutskever, Martens, Dahl & Hinton 2013 (ICML 28), eqs. 1–2, with the learning rate
// outside the momentum and coupled weight decay, as in torch.optim.SGD.

const WG: u32 = 64; // threads per workgroup
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params {
  count: u32, // Vectors
  keep: f32, // of the momentum, per step
  decay: f32, // added to the gradient, per unit of the parameter
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<Vector>;
@group(0) @binding(2) var<storage, read> schedule: array<f32>;
@group(0) @binding(3) var<storage, read> factor: array<f32>;
@group(0) @binding(4) var<storage, read_write> parameter: array<Vector>;
@group(0) @binding(5) var<storage, read_write> momentum: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  let by = factor[0];
  if (i < params.count && by != 0.0) {
    let g = by * gradient[i];
    let velocity = params.keep * momentum[i] + (g + params.decay * parameter[i]);
    momentum[i] = velocity;
    parameter[i] -= schedule[0] * velocity;
  }
}
