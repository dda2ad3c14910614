// nearest_workgroup — 16 queries and 16 rows at a time, which the workgroup loads once, together.
//
//   s[b,p]      = Σ_d queries[b,d] · pool[p,d]
//   score[b,c]  = max s[b,p] over the rows p of chunk c;  index[b,c] = the lowest p that reaches it
//
//   queries, pool  f32[B, D], f32[P, D]
//   score, index   f32, u32[B, chunks]    nearest_merge joins them
//
// Each thread has one query and every sixteenth row of the chunk; 16 columns at a time go through
// workgroup memory, where each element serves 16 threads. In the end the 16 threads of a query are
// joined.
//
// Source: derived here.

const TILE: u32 = 16; // queries, rows and columns at a time
const CHUNK: u32 = 128; // rows of a workgroup
const LOWEST: f32 = -3.4028234663852886e38; // of f32

struct Params { B: u32, P: u32, D: u32, chunks: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> queries: array<f32>;
@group(0) @binding(2) var<storage, read> pool: array<f32>;
@group(0) @binding(3) var<storage, read_write> score: array<f32>;
@group(0) @binding(4) var<storage, read_write> index: array<u32>;

var<workgroup> query_tile: array<array<f32, TILE>, TILE>; // [column][query]
var<workgroup> row_tile: array<array<f32, TILE>, TILE>; // [column][row]
var<workgroup> lane_score: array<array<f32, TILE>, TILE>; // [query][lane]
var<workgroup> lane_index: array<array<u32, TILE>, TILE>;

// The inner product of the thread's query, thread.y, and its row, first + thread.x.
fn inner_product(first_query: u32, first: u32, thread: vec2<u32>) -> f32 {
  let b = min(first_query + thread.y, params.B - 1u);
  let p = min(first + thread.y, params.P - 1u);
  var sum = 0.0;
  for (var column = 0u; column < params.D; column += TILE) {
    let d = column + thread.x;
    let at = min(d, params.D - 1u);
    query_tile[thread.x][thread.y] = select(0.0, queries[b * params.D + at], d < params.D);
    row_tile[thread.x][thread.y] = select(0.0, pool[p * params.D + at], d < params.D);
    workgroupBarrier();
    for (var k = 0u; k < TILE; k++) {
      sum = fma(query_tile[k][thread.y], row_tile[k][thread.x], sum);
    }
    workgroupBarrier();
  }
  return sum;
}

@compute @workgroup_size(TILE, TILE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let thread = local.xy;
  let chunk = group.y;
  var best = LOWEST;
  var place = chunk * CHUNK;
  for (var first = chunk * CHUNK; first < (chunk + 1u) * CHUNK; first += TILE) {
    let sum = inner_product(group.x * TILE, first, thread);
    let won = sum > best && first + thread.x < params.P;
    best = select(best, sum, won);
    place = select(place, first + thread.x, won);
  }
  lane_score[thread.y][thread.x] = best;
  lane_index[thread.y][thread.x] = place;
  workgroupBarrier();
  let b = group.x * TILE + thread.y;
  if (thread.x > 0u || b >= params.B) {
    return; // no barrier follows
  }
  for (var lane = 1u; lane < TILE; lane++) {
    let next = lane_score[thread.y][lane];
    let next_place = lane_index[thread.y][lane];
    let won = next > best || (next == best && next_place < place);
    best = select(best, next, won);
    place = select(place, next_place, won);
  }
  score[b * params.chunks + chunk] = best;
  index[b * params.chunks + chunk] = place;
}
