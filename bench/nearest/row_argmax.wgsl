// row_argmax — where each row of a matrix is largest: the second pass of the search that nearest is
// compared with.
//
//   index[r] = the lowest c at which x[r,c] = max_c x[r,c]
//
//   x      f32[rows, cols]      cols > 0; no NaN
//   index  u32[rows]
//
// One workgroup per row: threads stride over the columns by WG and keep the first best, which the
// first thread then goes through in order. No arithmetic, so no error.
//
// Source: derived here.

const WG: u32 = 64; // threads per row

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> index: array<u32>;

var<workgroup> thread_score: array<f32, WG>;
var<workgroup> thread_index: array<u32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let row = group.x * params.cols;
  var best = min(thread, params.cols - 1u);
  var score = x[row + best];
  for (var c = thread + WG; c < params.cols; c += WG) {
    let next = x[row + c];
    let wins = next > score;
    score = select(score, next, wins);
    best = select(best, c, wins);
  }
  thread_score[thread] = score;
  thread_index[thread] = best;
  workgroupBarrier();
  if (thread > 0u) {
    return; // no barrier follows
  }
  for (var other = 1u; other < WG; other++) {
    let next = thread_score[other];
    let wins = next > score || (next == score && thread_index[other] < best);
    score = select(score, next, wins);
    best = select(best, thread_index[other], wins);
  }
  index[group.x] = best;
}
