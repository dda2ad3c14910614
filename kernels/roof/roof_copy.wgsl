// roof_copy — how fast the adapter can read and write memory.
//
//   y[i] = x[i]
//
//   x, y  f32[4 · count]      far larger than a cache, where the adapter allows it
//
// Each thread copies EACH vec4 at distance WG, so that at any moment neighbouring threads touch
// neighbouring words. A grid as spread() makes it.
//
// Source: McCalpin 1995, "Memory bandwidth and machine balance in current high performance
// computers", IEEE TCCA Newsletter: STREAM's copy.

const WG: u32 = 256; // threads per workgroup
const EACH: u32 = 4; // vec4 per thread

struct Params { count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = (group.x + group.y * groups.x) * WG * EACH + thread;
  for (var k = 0u; k < EACH; k++) {
    let i = first + k * WG;
    if (i < params.count) {
      y[i] = x[i];
    }
  }
}
