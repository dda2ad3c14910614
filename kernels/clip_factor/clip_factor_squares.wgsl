// clip_factor_squares — sums of the squares of consecutive elements of up to seven tensors: the
// first pass of clip_factor.
//
//   parts[first + s] = Σ_{i = s·span}^{min((s+1)·span, count)−1} x[i]²     of x0, then x1, …
//
//   x_k    f32[count_k]  k = 0 … 6; a count of 0 where there is none
//   parts  f32[…]        those of these tensors are written; others have places of their own
//
// One thread per sum, in order. Seven tensors are as many as the eight buffers that every adapter
// binds allow. Error: span units in the last place. Squares leave f32 for |x| beyond 1.8e19, which
// gives a factor of 0, and below 1e-23, where they count as 0.

const WG: u32 = 64; // threads per workgroup
const TENSORS: u32 = 7;

struct Params {
  first: u32,
  span: u32, // elements of a sum
  count0: u32, count1: u32, count2: u32, count3: u32, count4: u32, count5: u32, count6: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
@group(0) @binding(4) var<storage, read> x3: array<f32>;
@group(0) @binding(5) var<storage, read> x4: array<f32>;
@group(0) @binding(6) var<storage, read> x5: array<f32>;
@group(0) @binding(7) var<storage, read> x6: array<f32>;
@group(0) @binding(8) var<storage, read_write> parts: array<f32>;

fn element(k: u32, i: u32) -> f32 {
  switch (k) {
    case 0u: { return x0[i]; }
    case 1u: { return x1[i]; }
    case 2u: { return x2[i]; }
    case 3u: { return x3[i]; }
    case 4u: { return x4[i]; }
    case 5u: { return x5[i]; }
    default: { return x6[i]; }
  }
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  var counts = array<u32, TENSORS>(
    params.count0, params.count1, params.count2, params.count3, params.count4, params.count5,
    params.count6,
  );
  let place = linear_workgroup(group, groups) * WG + thread;
  var s = place;
  for (var k = 0u; k < TENSORS; k++) {
    let sums = (counts[k] + params.span - 1u) / params.span;
    if (s < sums) {
      let end = min((s + 1u) * params.span, counts[k]);
      var sum = 0.0;
      for (var i = s * params.span; i < end; i++) {
        let x = element(k, i);
        sum = fma(x, x, sum);
      }
      parts[params.first + place] = sum;
      return;
    }
    s -= sums;
  }
}
