// sum_last — the sum of each row of x; the last row may be cut short.
//
//   y[r] = Σ_{c < cols} x[r · cols + c]    over the elements before count
//
//   x  f32[count]
//   y  f32[rows]     (rows − 1) · cols < count ≤ rows · cols
//
// LANES threads per row, which stride over its columns; WG / LANES rows per workgroup. Each thread
// sums in order, then the threads' sums are added as a tree (lanes): rounding error is at most cols
// / LANES + log2(LANES) units in the last place of the sum of magnitudes.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 8; // threads per row; divides WG (lanes)

struct Params { rows: u32, cols: u32, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let r = linear_workgroup(group, groups) * (WG / LANES) + thread / LANES;
  let lane = thread % LANES;
  let end = select(0u, min((r + 1u) * params.cols, params.count), r < params.rows);
  var sum = 0.0;
  for (var i = r * params.cols + lane; i < end; i += LANES) {
    sum += x[i];
  }
  sum = lanes_sum(thread, sum);
  if (lane == 0u && r < params.rows) {
    y[r] = sum;
  }
}
