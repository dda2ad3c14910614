// random_normal — standard normal numbers by Box–Muller.
//
//   y[2 b + k] = √(−2 ln(1 − u)) · cos(2πv)
//
//   u, v = (words 2 k and 2 k + 1 of philox(key, [b, 0, 0, 0]) >> 8) · 2⁻²⁴
//
//   key  u32[2]
//   y    f32[count]
//
// One thread per block, which makes two numbers: those of engine/random.ts, which does not use the
// sine either, up to the rounding of ln and cos.
//
// Source: Box & Muller 1958, "A note on the generation of random normal deviates", Ann. Math. Stat.
// 29(2); kernels/lib/philox.wgsl.

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
  let normals = normal_of(uniforms.xz, uniforms.yw);
  for (var k = 0u; k < 2u; k++) {
    let i = 2u * draw + k;
    if (i < params.count) {
      y[i] = normals[k];
    }
  }
}
