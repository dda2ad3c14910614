// nearest — for each query the row of a pool with the largest inner product, part by part.
//
//   s[b,p]      = Σ_d queries[b,d] · pool[p,d]
//   score[b,c]  = max s[b,p] over the rows p of part c that are below filled
//   index[b,c]  = the lowest such p that reaches it
//   LOWEST and the part's first row where no s[b,p] is above LOWEST
//
//   queries, pool  f32[B, D], f32[P, D]   D = 4 · depth, read four at a time
//   count          u32[…]                 filled = min(count[count_at], P), or see COUNTS
//   score, index   f32, u32[B, parts]     of span rows each; nearest_merge joins them
//
// Of the pool, window_rows rows from window_first on, a multiple of span, are bound and searched.
//
// The scores s are never written. A workgroup takes its queries through one part like a tile of a
// matrix product through the columns: each thread keeps a tile of sums in registers, then the best
// of its rows, and the threads that share a query are joined in the end. How a tile is made is the
// library's part: from workgroup memory (nearest_tile, on product_shared) or, where subgroups are
// narrow, by broadcasts (nearest_subgroup).
//
// Each sum runs over d in order by fused multiply-adds: equal rows have equal scores to the bit,
// and the error is at most D units in the last place of Σ_d |queries[b,d] · pool[p,d]|. NaN never
// wins: it is told by its bits, since WGSL lets compilers assume that there is none.
//
// Source: derived here. Johnson, Douze & Jégou 2017, arXiv:1702.08734, §5.1, write the scores tile
// by tile and scan them afterwards.

const SECOND: u32 = 0; // for nearest_best: the best alone
const COUNTS: u32 = 0; // 1: count[b] is for query b, and a workgroup takes its largest

struct Params {
  B: u32, P: u32, depth: u32, span: u32, parts: u32, count_at: u32,
  window_first: u32, window_rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> pool: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> count: array<u32>;
@group(0) @binding(4) var<storage, read_write> score: array<f32>;
@group(0) @binding(5) var<storage, read_write> index: array<u32>;

fn query_four(at: u32) -> vec4<f32> { return queries[at]; }
fn pool_four(at: u32) -> vec4<f32> { return pool[at]; }

// The scores of four queries from b on with pool row p: their sums, but for NaN.
fn rated(sums: vec4<f32>, b: u32, p: u32) -> vec4<f32> {
  let number = (bitcast<vec4<u32>>(sums) & vec4(0x7fffffffu)) <= vec4(0x7f800000u);
  return select(vec4(LOWEST), sums, number);
}

// Parts are counted from the window's first.
fn write_best(b: u32, part: u32, best: f32, place: u32, second: f32) {
  if (b < params.B) {
    let at = b * params.parts + params.window_first / params.span + part;
    score[at] = best;
    index[at] = params.window_first + part * params.span + place;
  }
}

@compute @workgroup_size(WGX, WGY)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) thread: vec3<u32>) {
  var filled = 0u;
  if (COUNTS == 0u) {
    filled = count[params.count_at];
  } else {
    let end = min((group.x + 1u) * HEIGHT, params.B);
    for (var b = group.x * HEIGHT; b < end; b++) {
      filled = max(filled, count[b]);
    }
  }
  filled = min(filled, params.P);
  let first = params.window_first + group.y * params.span;
  let rows = max(filled, first) - first; // of this part and those behind it
  search(group.x * HEIGHT, group.y, min(rows, params.span), thread.xy);
}
