// nearest_floor — what the score of each query's answer is at least, after nearest_screen.
//
//   floor_of[b] = max_c least[b,c]
//   again[b]    = filled if more than MANY parts c have second[b,c] ≥ floor_of[b], else 0
//
//   found            u32[B, parts, 4]    largest bound, second, row, least, of each part
//   count            u32[…]              filled = min(count[count_at], P)
//   floor_of, again  f32, u32[B]
//
// A row whose bound is below the floor is not the answer. Where a part's second bound is below it,
// only the part's best row can be; where it is not, nearest_rescore goes through the part. A query
// with many such parts is searched as if nothing had been found (nearest, COUNTS = 1). LANES
// threads per query stride over its parts. No arithmetic, so no error.
//
// Source: derived here.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 8; // threads per query; divides WG (lanes)
const MANY: u32 = 8; // parts that nearest_rescore goes through
const LOWEST: f32 = -3.4028234663852886e38; // of f32, as in nearest

struct Params { B: u32, P: u32, parts: u32, count_at: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> found: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> count: array<u32>;
@group(0) @binding(3) var<storage, read_write> floor_of: array<f32>;
@group(0) @binding(4) var<storage, read_write> again: array<u32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let b = linear_workgroup(group, groups) * (WG / LANES) + thread / LANES;
  let lane = thread % LANES;
  let end = select(0u, params.parts, b < params.B);
  var least = LOWEST;
  for (var c = lane; c < end; c += LANES) {
    least = max(least, bitcast<f32>(found[b * params.parts + c].w));
  }
  least = lanes_max(thread, least);
  var doubtful = 0.0; // exact: a few hundred at most
  for (var c = lane; c < end; c += LANES) {
    let second = bitcast<f32>(found[b * params.parts + c].y);
    doubtful += select(0.0, 1.0, second > LOWEST && second >= least);
  }
  doubtful = lanes_sum(thread, doubtful);
  if (lane == 0u && b < params.B) {
    floor_of[b] = least;
    let filled = min(count[params.count_at], params.P);
    again[b] = select(0u, filled, doubtful > f32(MANY));
  }
}
