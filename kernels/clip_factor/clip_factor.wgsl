// clip_factor — the factor that keeps the norm of all gradients within a limit.
//
//   y = min(1, limit / (√(Σ_i parts[i]) + ε))     ε = 1e-6
//
//   parts  f32[count]    sums of squares (clip_factor_squares)
//   y      f32[1]
//
// One workgroup: threads stride over the parts, each in order, then add up as a tree
// (workgroup_sum), so the order is fixed. All terms are positive: the sum's error is at most
// count / WG + log2(WG) units in its last place, of which the root keeps half.
//
// Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, alg. 1; ε as in
// torch.nn.utils.clip_grad_norm_.

const WG: u32 = 256; // threads of the workgroup; a power of two (workgroup_sum)
const EPSILON: f32 = 1e-6; // added to the norm

struct Params { count: u32, limit: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < params.count; i += WG) {
    sum += parts[i];
  }
  sum = workgroup_sum(thread, sum);
  if (thread == 0u) {
    y[0] = min(1.0, params.limit / (sqrt(sum) + EPSILON));
  }
}
