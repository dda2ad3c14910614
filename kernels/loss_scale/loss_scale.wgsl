// loss_scale — what the gradients of a scaled loss are multiplied by, and the next step's scale.
//
//   sum    = Σ_i parts[i]
//   factor = min(1, limit / (√sum / scale + ε)) / scale    ε = 1e-6; 1 / scale if limit = 0
//   steps  ← steps + 1; once it is interval: scale ← 2 · scale, steps ← 0
//   if sum is not finite: factor = 0, scale ← scale / 2, steps ← 0
//
//   parts   f32[count]    sums of squares of the scaled gradients (clip_factor_squares)
//   scale   f32[1]        what the loss was multiplied by; a power of two, kept in 2⁻²⁴ … 2²⁴
//   steps   u32[1]        since it last changed
//   factor  f32[1]
//
// One workgroup: threads stride over the parts, each in order, then add up as a tree
// (workgroup_sum), so the order is fixed. What is finite is told by bits, since WGSL lets compilers
// assume that nothing else exists.
//
// Source: Micikevicius et al. 2018, arXiv:1710.03740, §3.2; the rule of torch.amp.GradScaler;
// clipping as in clip_factor.

const WG: u32 = 256; // threads of the workgroup; a power of two (workgroup_sum)
const EPSILON: f32 = 1e-6; // added to the norm
const LEAST: f32 = 5.9604645e-8; // 2⁻²⁴
const MOST: f32 = 16777216.0; // 2²⁴

struct Params { count: u32, limit: f32, interval: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> steps: array<u32>;
@group(0) @binding(4) var<storage, read_write> factor: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < params.count; i += WG) {
    sum += parts[i];
  }
  sum = workgroup_sum(thread, sum);
  if (thread > 0u) {
    return;
  }
  let inverse = 1.0 / scale[0];
  if ((bitcast<u32>(sum) & 0x7f800000u) == 0x7f800000u) {
    factor[0] = 0.0;
    scale[0] = max(scale[0] / 2.0, LEAST);
    steps[0] = 0u;
    return;
  }
  factor[0] = inverse;
  if (params.limit > 0.0) {
    factor[0] = min(1.0, params.limit / (sqrt(sum) * inverse + EPSILON)) * inverse;
  }
  steps[0] += 1u;
  if (steps[0] >= params.interval) {
    scale[0] = min(2.0 * scale[0], MOST);
    steps[0] = 0u;
  }
}
