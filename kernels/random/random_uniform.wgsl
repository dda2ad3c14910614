// random_uniform — uniform numbers in [0, 1), 24 bits each.
//
//   y[4 b + k] = (word k of philox(key, [b, 0, 0, 0]) >> 8) · 2⁻²⁴
//
//   key  u32[2]
//   y    f32[count]
//
// One thread per block, which makes four numbers. Exact: the numbers of engine/random.ts.
//
// Source: kernels/lib/philox.wgsl.

const WG: u32 = 64; // threads per workgroup

struct Params { count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> key: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let draw = linear_workgroup(group, groups) * WG + thread;
  let words = philox(vec2<u32>(key[0], key[1]), vec4<u32>(draw, 0u, 0u, 0u));
  let uniforms = uniform_of(words);
  for (var k = 0u; k < 4u; k++) {
    let i = 4u * draw + k;
    if (i < params.count) {
      y[i] = uniforms[k];
    }
  }
}
