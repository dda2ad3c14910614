// nearest — for each query the row of a pool with the largest inner product, chunk by chunk.
//
//   s[b,p]      = Σ_d queries[b,d] · pool[p,d]
//   score[b,c]  = max s[b,p] over the rows p of chunk c that are below filled
//   index[b,c]  = the lowest such p that reaches it
//   LOWEST and the chunk's first row where no s[b,p] is above LOWEST
//
//   queries, pool  f32[B, D], f32[P, D]   D = 4 · depth, read four at a time
//   count          u32[…]                 filled = min(count[count_at], P)
//   score, index   f32, u32[B, chunks]    chunks = ceil(P / CHUNK); nearest_merge joins them
//
// The scores s are never written. A workgroup computes those of QUERIES queries and CHUNK rows like a
// tile of a matrix product: DEPTH columns of vec4 at a time go through workgroup memory, each thread
// keeps BLOCKS × BLOCKS blocks of SIDE × SIDE sums in registers (in blocks, because compilers unroll
// small loops only, and sums that are not unrolled are not in registers), and in the end the best of
// its rows. The threads that share a query are then gone through in order.
//
// Each sum runs over d in order by fused multiply-adds: equal rows have equal scores to the bit, and
// the error is at most D units in the last place of Σ_d |queries[b,d] · pool[p,d]|. NaN never wins:
// it is told by its bits, since WGSL lets compilers assume that there is none.
//
// Source: derived here. Johnson, Douze & Jégou 2017, arXiv:1702.08734, §5.1, write the scores tile by
// tile and scan them afterwards.

const CHUNK: u32 = 128; // rows per workgroup
const BLOCKS: u32 = 2; // blocks of queries, and of rows, per thread: 1 or 2
const SIDE: u32 = 8; // queries, and rows, per block
const DEPTH: u32 = 4; // vec4 columns per step; at least QUERY_THREADS, so that `share` fits the tile
const QUERY_THREADS: u32 = 4;
const ROW_THREADS: u32 = CHUNK / (BLOCKS * SIDE);
const WG: u32 = QUERY_THREADS * ROW_THREADS;
const QUERIES: u32 = QUERY_THREADS * BLOCKS * SIDE; // per workgroup
const QUERIES_AT: u32 = DEPTH * CHUNK; // where the tile's queries begin, after its rows
const LOWEST: f32 = -3.4028234663852886e38; // of f32

alias Edge = array<vec4<f32>, SIDE>;
alias Block = array<array<f32, SIDE>, SIDE>; // [query][row]
struct Best { score: array<f32, SIDE>, place: array<f32, SIDE> } // of each query; place in the chunk
struct Params { B: u32, P: u32, depth: u32, chunks: u32, count_at: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> pool: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> count: array<u32>;
@group(0) @binding(4) var<storage, read_write> score: array<f32>;
@group(0) @binding(5) var<storage, read_write> index: array<u32>;

var<workgroup> tile: array<vec4<f32>, QUERIES_AT + DEPTH * QUERIES>; // column by column

fn edge(first: u32, step: u32) -> Edge {
  var values: Edge;
  for (var i = 0u; i < SIDE; i++) {
    values[i] = tile[first + i * step];
  }
  return values;
}

fn multiply_add(sums: ptr<function, Block>, a: Edge, b: Edge) {
  for (var q = 0u; q < SIDE; q++) {
    for (var r = 0u; r < SIDE; r++) {
      let sum = fma(a[q].y, b[r].y, fma(a[q].x, b[r].x, (*sums)[q][r]));
      (*sums)[q][r] = fma(a[q].w, b[r].w, fma(a[q].z, b[r].z, sum));
    }
  }
}

fn keep(best: ptr<function, Best>, sums: ptr<function, Block>, first: u32, rows: u32) {
  for (var q = 0u; q < SIDE; q++) {
    for (var r = 0u; r < SIDE; r++) {
      let sum = (*sums)[q][r];
      let place = first + r * ROW_THREADS;
      let number = (bitcast<u32>(sum) & 0x7fffffffu) <= 0x7f800000u;
      let wins = number && place < rows && sum > (*best).score[q];
      (*best).score[q] = select((*best).score[q], sum, wins);
      (*best).place[q] = select((*best).place[q], f32(place), wins);
    }
  }
}

// Leave the best of a thread's rows, for a block of queries, in the tile.
fn share(low: ptr<function, Block>, high: ptr<function, Block>, at: u32, lane: u32, rows: u32) {
  var best = Best();
  for (var q = 0u; q < SIDE; q++) {
    best.score[q] = LOWEST;
  }
  keep(&best, low, lane, rows);
  if (BLOCKS > 1u) {
    keep(&best, high, lane + SIDE * ROW_THREADS, rows);
  }
  for (var q = 0u; q < SIDE; q++) {
    tile[at + q * WG] = vec4(best.score[q], best.place[q], 0.0, 0.0);
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let first_query = group.y * QUERIES;
  let first_row = group.x * CHUNK;
  let rows = max(min(count[params.count_at], params.P), first_row) - first_row; // that take part
  let depth = select(params.depth, 0u, rows == 0u);
  let lane = thread % ROW_THREADS;
  var sums00 = Block(); // [block of queries][block of rows]
  var sums01 = Block();
  var sums10 = Block();
  var sums11 = Block();
  for (var k = 0u; k < depth; k += DEPTH) {
    for (var i = thread; i < CHUNK * DEPTH; i += WG) {
      let p = min(first_row + i / DEPTH, params.P - 1u);
      tile[i % DEPTH * CHUNK + i / DEPTH] = pool[p * depth + min(k + i % DEPTH, depth - 1u)];
    }
    for (var i = thread; i < QUERIES * DEPTH; i += WG) {
      let b = min(first_query + i / DEPTH, params.B - 1u);
      let at = QUERIES_AT + i % DEPTH * QUERIES + i / DEPTH;
      tile[at] = queries[b * depth + min(k + i % DEPTH, depth - 1u)];
    }
    workgroupBarrier();
    for (var column = 0u; column < min(DEPTH, depth - k); column++) {
      let rows_at = column * CHUNK + lane;
      let queries_at = QUERIES_AT + column * QUERIES + thread / ROW_THREADS;
      let row_edge = edge(rows_at, ROW_THREADS);
      let query_edge = edge(queries_at, QUERY_THREADS);
      multiply_add(&sums00, query_edge, row_edge);
      if (BLOCKS > 1u) {
        let next_rows = edge(rows_at + SIDE * ROW_THREADS, ROW_THREADS);
        let next_queries = edge(queries_at + SIDE * QUERY_THREADS, QUERY_THREADS);
        multiply_add(&sums01, query_edge, next_rows);
        multiply_add(&sums10, next_queries, row_edge);
        multiply_add(&sums11, next_queries, next_rows);
      }
    }
    workgroupBarrier();
  }
  share(&sums00, &sums01, thread, lane, rows);
  if (BLOCKS > 1u) {
    share(&sums10, &sums11, thread + SIDE * WG, lane, rows);
  }
  workgroupBarrier();
  for (var i = thread; i < QUERIES && first_query + i < params.B; i += WG) {
    let at = i / QUERY_THREADS * WG + i % QUERY_THREADS * ROW_THREADS;
    var best = tile[at];
    for (var other = 1u; other < min(rows, ROW_THREADS); other++) {
      let next = tile[at + other];
      let wins = next.x > best.x || (next.x == best.x && next.y < best.y);
      best = select(best, next, wins);
    }
    score[(first_query + i) * params.chunks + group.x] = best.x;
    index[(first_query + i) * params.chunks + group.x] = first_row + u32(best.y);
  }
}
