// random_words — the words of consecutive Philox blocks.
//
//   y[4 b + k] = word k of philox(key, [counter_x + b, counter_y, counter_z, counter_w])
//
//   key  u32[2]
//   y    u32[count]
//
// One thread per block, which makes four words. Exact: the words of engine/random.ts.
//
// Source: kernels/lib/philox.wgsl.

const WG: u32 = 64; // threads per workgroup

struct Params { count: u32, counter_x: u32, counter_y: u32, counter_z: u32, counter_w: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> key: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let draw = linear_workgroup(group, groups) * WG + thread;
  let first = vec4<u32>(params.counter_x, params.counter_y, params.counter_z, params.counter_w);
  let words = philox(vec2<u32>(key[0], key[1]), first + vec4<u32>(draw, 0u, 0u, 0u));
  for (var k = 0u; k < 4u; k++) {
    let i = 4u * draw + k;
    if (i < params.count) {
      y[i] = words[k];
    }
  }
}
