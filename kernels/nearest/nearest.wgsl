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
// The scores s are never written. A workgroup takes SEARCHED queries through one chunk like a tile
// of a matrix product: each thread keeps QUERIES × ROWS sums in registers, then the best of its
// rows, and the threads that share a query are joined in the end. How the tiles reach the threads
// is the library's part: through workgroup memory (nearest_tile) or, where subgroups are narrow, by
// shuffles (nearest_subgroup).
//
// Each sum runs over d in order by fused multiply-adds: equal rows have equal scores to the bit,
// and the error is at most D units in the last place of Σ_d |queries[b,d] · pool[p,d]|. NaN never
// wins: it is told by its bits, since WGSL lets compilers assume that there is none.
//
// Source: derived here. Johnson, Douze & Jégou 2017, arXiv:1702.08734, §5.1, write the scores tile
// by tile and scan them afterwards.

const CHUNK: u32 = 128; // rows per workgroup
const QUERIES: u32 = 8; // per thread; a multiple of 4
const ROWS: u32 = 8; // per thread, at a time; a multiple of 4
const LANES: u32 = 1; // threads that load their queries together
const LOWEST: f32 = -3.4028234663852886e38; // of f32

struct Params { B: u32, P: u32, depth: u32, chunks: u32, count_at: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> pool: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> count: array<u32>;
@group(0) @binding(4) var<storage, read_write> score: array<f32>;
@group(0) @binding(5) var<storage, read_write> index: array<u32>;

// The best score of four queries, and its place in the chunk.
struct Best { score: vec4<f32>, place: vec4<u32> }

const NOTHING = Best(vec4(LOWEST), vec4(0u));

// sum[r] + x · (row r of a quad of rows); columns[d][r] is element d of row r.
fn multiply_add(x: vec4<f32>, columns: mat4x4<f32>, sum: vec4<f32>) -> vec4<f32> {
  let two = fma(vec4(x.y), columns[1], fma(vec4(x.x), columns[0], sum));
  return fma(vec4(x.w), columns[3], fma(vec4(x.z), columns[2], two));
}

// Take the scores of the chunk's row `place` into the best; `rows` rows of the chunk take part.
fn keep(best: Best, sums: vec4<f32>, place: u32, rows: u32) -> Best {
  let number = (bitcast<vec4<u32>>(sums) & vec4(0x7fffffffu)) <= vec4(0x7f800000u);
  let won = number & (sums > best.score) & vec4(place < rows);
  return Best(select(best.score, sums, won), select(best.place, vec4(place), won));
}

fn write_best(b: u32, chunk: u32, best: f32, place: u32) {
  if (b < params.B) {
    score[b * params.chunks + chunk] = best;
    index[b * params.chunks + chunk] = chunk * CHUNK + place;
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let filled = min(count[params.count_at], params.P);
  let rows = max(filled, group.y * CHUNK) - group.y * CHUNK; // of this chunk and those behind it
  search(group.x * SEARCHED, group.y, min(rows, CHUNK), thread);
}
