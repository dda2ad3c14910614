// nearest_rescore — the answer of each query among the rows that nearest_screen left, in f32.
//
//   score[b] = max s[b,p] over the rows p that can be the answer;  index[b] = the lowest such p
//
//   queries, pool    f32[B, D], f32[P, D]    D = 4 · depth, read four at a time
//   count            u32[…]                  filled = min(count[count_at], P)
//   found            u32[B, parts, 4]        largest bound, second, row, least, of each part
//   floor_of, again  f32, u32[B]             of nearest_floor
//   score, index     f32, u32[B]             kept where again[b] > 0: what the whole search found
//
// A workgroup per query. Its threads take the best rows of the parts whose bound reaches the floor,
// one each, and together all rows of parts whose second bound does. Scores are summed as nearest
// sums them, over d in order by fused multiply-adds, so they have the same bits. Of the pool,
// window_rows rows from window_first on are bound; later windows go on from earlier ones.
//
// Source: derived here.

const WG: u32 = 64; // threads per workgroup
const LOWEST: f32 = -3.4028234663852886e38; // of f32, as in nearest

struct Params {
  B: u32, P: u32, depth: u32, span: u32, parts: u32, count_at: u32,
  window_first: u32, window_rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> pool: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> count: array<u32>;
@group(0) @binding(4) var<storage, read> found: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> floor_of: array<f32>;
@group(0) @binding(6) var<storage, read> again: array<u32>;
@group(0) @binding(7) var<storage, read_write> score: array<f32>;
@group(0) @binding(8) var<storage, read_write> index: array<u32>;

struct Answer { score: f32, index: u32 }

var<workgroup> answers: array<Answer, WG>;

fn better(a: Answer, b: Answer) -> Answer {
  let wins = b.score > a.score || (b.score == a.score && b.index < a.index);
  return Answer(select(a.score, b.score, wins), select(a.index, b.index, wins));
}

// The answer so far and row p of the pool.
fn take(answer: Answer, b: u32, p: u32) -> Answer {
  let row = (p - params.window_first) * params.depth;
  var sum = 0.0;
  for (var d = 0u; d < params.depth; d++) {
    let x = queries[b * params.depth + d];
    let y = pool[row + d];
    sum = fma(x.w, y.w, fma(x.z, y.z, fma(x.y, y.y, fma(x.x, y.x, sum))));
  }
  let number = (bitcast<u32>(sum) & 0x7fffffffu) <= 0x7f800000u;
  return better(answer, Answer(select(LOWEST, sum, number), select(0u, p, number && sum > LOWEST)));
}

fn reaches(bound: u32, least: f32) -> bool {
  return bitcast<f32>(bound) > LOWEST && bitcast<f32>(bound) >= least;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let b = linear_workgroup(group, groups);
  if (b >= params.B || again[min(b, params.B - 1u)] > 0u) {
    return; // uniform over the workgroup
  }
  let filled = min(count[params.count_at], params.P);
  let least = floor_of[b];
  let first = params.window_first / params.span;
  let end = (params.window_first + params.window_rows + params.span - 1u) / params.span;
  var answer = Answer(LOWEST, 0u);
  if (thread == 0u && params.window_first > 0u) {
    answer = Answer(score[b], index[b]);
  }
  for (var c = first + thread; c < end; c += WG) {
    let part = found[b * params.parts + c];
    if (reaches(part.x, least) && !reaches(part.y, least)) {
      answer = take(answer, b, part.z);
    }
  }
  for (var c = first; c < end; c++) {
    if (reaches(found[b * params.parts + c].y, least)) {
      let beyond = min((c + 1u) * params.span, filled);
      for (var p = c * params.span + thread; p < beyond; p += WG) {
        answer = take(answer, b, p);
      }
    }
  }
  answers[thread] = answer;
  workgroupBarrier();
  if (thread > 0u) {
    return;
  }
  for (var other = 1u; other < WG; other++) {
    answer = better(answer, answers[other]);
  }
  score[b] = answer.score;
  index[b] = answer.index;
}
