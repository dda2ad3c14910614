// nearest_merge — for each query the best of its parts: the second pass of nearest.
//
//   score[b] = max_c scores[b,c];  index[b] = indices[b,c] of the first part c that reaches it
//   −3.4e38 (LOWEST) and 0 where no score is above that
//
//   scores, indices  f32, u32[B, parts]    indices rise with c
//   score, index     f32, u32[B]
//
// LANES threads per query stride over its parts and keep the first best; each then goes through
// the LANES candidates in order. No arithmetic, so no error.
//
// Source: derived here.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 8; // threads per query; divides WG
const LOWEST: f32 = -3.4028234663852886e38; // of f32, as in nearest

struct Params { B: u32, parts: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<f32>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read_write> score: array<f32>;
@group(0) @binding(4) var<storage, read_write> index: array<u32>;

var<workgroup> lane_score: array<f32, WG>;
var<workgroup> lane_index: array<u32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let b = group.x * (WG / LANES) + thread / LANES;
  let lane = thread % LANES;
  var best_score = LOWEST;
  var best_index = 0u;
  for (var c = lane; c < params.parts && b < params.B; c += LANES) {
    let s = scores[b * params.parts + c];
    let wins = s > best_score;
    best_score = select(best_score, s, wins);
    best_index = select(best_index, indices[b * params.parts + c], wins);
  }
  lane_score[thread] = best_score;
  lane_index[thread] = best_index;
  workgroupBarrier();
  if (lane > 0u || b >= params.B) {
    return;
  }
  for (var other = 1u; other < LANES; other++) {
    let s = lane_score[thread + other];
    let i = lane_index[thread + other];
    let wins = s > best_score || (s == best_score && i < best_index);
    best_score = select(best_score, s, wins);
    best_index = select(best_index, i, wins);
  }
  score[b] = best_score;
  index[b] = best_index;
}
