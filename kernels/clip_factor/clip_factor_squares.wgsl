// clip_factor_squares — sums of the squares of consecutive elements: the first pass of clip_factor.
//
//   parts[first + s] = Σ_{i = s·span}^{min((s+1)·span, count)−1} x[i]²     s < sums
//
//   x      f32[count]
//   parts  f32[…]        those of this tensor are written; others have places of their own
//
// One thread per sum, in order. Error: span units in the last place. Squares leave f32 for |x|
// beyond 1.8e19, which gives a factor of 0, and below 1e-23, where they count as 0.

const WG: u32 = 64; // threads per workgroup

struct Params { count: u32, span: u32, first: u32, sums: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let s = linear_workgroup(group, groups) * WG + thread;
  if (s >= params.sums) {
    return;
  }
  let end = min((s + 1u) * params.span, params.count);
  var sum = 0.0;
  for (var i = s * params.span; i < end; i++) {
    sum = fma(x[i], x[i], sum);
  }
  parts[params.first + s] = sum;
}
