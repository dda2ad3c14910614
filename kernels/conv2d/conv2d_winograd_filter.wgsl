// conv2d_winograd_filter — a bank of 3 × 3 kernels at the points of F(4 × 4, 3 × 3).
//
//   u[6k + l, ch, n] = (G g Gᵀ)[k, l],   g[u, v] = weight[u, v, ch, n], or [2 − u, 2 − v] with FLIP
//
//   weight  f32[3, 3, pairs = c · o]
//   u       f32[36, pairs]           G: kernels/lib/winograd.wgsl
//
// One thread per channel in and channel out; neighbours are neighbours in memory. Every result is
// good to a few units in the last place of its nine terms' sum of magnitudes.
//
// Source: Lavin & Gray 2016, arXiv:1509.09308, §4.

const FLIP: u32 = 0; // 1: as the cotangent of images needs it
const WG: u32 = 64; // threads per workgroup

struct Params { pairs: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> u: array<f32>;

fn column_of_taps(pair: u32, v: u32) -> Line {
  let tap = vec3(v, 3u + v, 6u + v);
  let at = select(tap, 8u - tap, vec3(FLIP == 1u)) * params.pairs + pair;
  return line_of_taps(vec3(weight[at.x], weight[at.y], weight[at.z]));
}

fn put(pair: u32, k: u32, taps: vec3<f32>) {
  let row = line_of_taps(taps);
  let at = EDGE * k * params.pairs + pair;
  u[at] = row[0];
  u[at + params.pairs] = row[1];
  u[at + 2u * params.pairs] = row[2];
  u[at + 3u * params.pairs] = row[3];
  u[at + 4u * params.pairs] = row[4];
  u[at + 5u * params.pairs] = row[5];
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let pair = linear_workgroup(group, groups) * WG + thread;
  if (pair >= params.pairs) {
    return;
  }
  let left = column_of_taps(pair, 0u);
  let middle = column_of_taps(pair, 1u);
  let right = column_of_taps(pair, 2u);
  put(pair, 0u, vec3(left[0], middle[0], right[0]));
  put(pair, 1u, vec3(left[1], middle[1], right[1]));
  put(pair, 2u, vec3(left[2], middle[2], right[2]));
  put(pair, 3u, vec3(left[3], middle[3], right[3]));
  put(pair, 4u, vec3(left[4], middle[4], right[4]));
  put(pair, 5u, vec3(left[5], middle[5], right[5]));
}
