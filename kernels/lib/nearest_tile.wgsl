// nearest_tile — nearest's search with both tiles in workgroup memory.
//
// DEPTH columns of vec4 at a time go through workgroup memory, from which each thread takes QUERIES
// queries and ROWS rows for QUERIES × ROWS sums.
//
// Needs nearest's constants with QUERIES = ROWS = 4 or 8.

const DEPTH: u32 = 4;
const QUERY_THREADS: u32 = 4;
const ROW_THREADS: u32 = CHUNK / ROWS;
const WG: u32 = QUERY_THREADS * ROW_THREADS;
const SEARCHED: u32 = QUERY_THREADS * QUERIES; // queries per workgroup
const QUERIES_AT: u32 = DEPTH * CHUNK; // where the tile's queries begin, after its rows

// Column by column; in the end the best of each thread, WG scores and WG places per four queries.
var<workgroup> tile: array<vec4<f32>, QUERIES_AT + DEPTH * SEARCHED>;

fn load_columns(first_query: u32, first_row: u32, first_column: u32, thread: u32) {
  let last = params.depth - 1u;
  for (var i = thread; i < CHUNK * DEPTH; i += WG) {
    let p = min(first_row + i / DEPTH, params.P - 1u);
    let d = min(first_column + i % DEPTH, last);
    tile[i % DEPTH * CHUNK + i / DEPTH] = pool[p * params.depth + d];
  }
  for (var i = thread; i < SEARCHED * DEPTH; i += WG) {
    let b = min(first_query + i / DEPTH, params.B - 1u);
    let d = min(first_column + i % DEPTH, last);
    tile[QUERIES_AT + i % DEPTH * SEARCHED + i / DEPTH] = queries[b * params.depth + d];
  }
}

// Four of the thread's rows, transposed.
fn row_quad(at: u32) -> mat4x4<f32> {
  return transpose(mat4x4<f32>(
    tile[at], tile[at + ROW_THREADS], tile[at + 2u * ROW_THREADS], tile[at + 3u * ROW_THREADS],
  ));
}

fn join(best: Best, other: Best) -> Best {
  let tie = (other.score == best.score) & (other.place < best.place);
  let won = (other.score > best.score) | tie;
  return Best(select(best.score, other.score, won), select(best.place, other.place, won));
}

fn search(first_query: u32, chunk: u32, rows: u32, thread: u32) {
  let depth = select(params.depth, 0u, rows == 0u);
  let lane = thread % ROW_THREADS;
  var sums = array<array<vec4<f32>, ROWS / 4u>, QUERIES>();
  for (var k = 0u; k < depth; k += DEPTH) {
    load_columns(first_query, chunk * CHUNK, k, thread);
    workgroupBarrier();
    for (var column = 0u; column < min(DEPTH, depth - k); column++) {
      var quads: array<mat4x4<f32>, ROWS / 4u>;
      for (var j = 0u; j < ROWS / 4u; j++) {
        quads[j] = row_quad(column * CHUNK + lane + 4u * j * ROW_THREADS);
      }
      let queries_at = QUERIES_AT + column * SEARCHED + thread / ROW_THREADS;
      for (var q = 0u; q < QUERIES; q++) {
        let x = tile[queries_at + q * QUERY_THREADS];
        for (var j = 0u; j < ROWS / 4u; j++) {
          sums[q][j] = multiply_add(x, quads[j], sums[q][j]);
        }
      }
    }
    workgroupBarrier();
  }
  for (var q = 0u; q < QUERIES; q += 4u) {
    var best = NOTHING;
    for (var r = 0u; r < ROWS; r++) {
      let j = r / 4u;
      let i = r % 4u;
      let quad = vec4(sums[q][j][i], sums[q + 1u][j][i], sums[q + 2u][j][i], sums[q + 3u][j][i]);
      best = keep(best, quad, lane + r * ROW_THREADS, rows);
    }
    tile[q / 2u * WG + thread] = best.score;
    tile[(q / 2u + 1u) * WG + thread] = vec4<f32>(best.place);
  }
  workgroupBarrier();
  for (var i = thread; i < SEARCHED / 4u; i += WG) {
    let at = i / QUERY_THREADS * 2u * WG + i % QUERY_THREADS * ROW_THREADS;
    var best = NOTHING;
    for (var other = at; other < at + min(rows, ROW_THREADS); other++) {
      best = join(best, Best(tile[other], vec4<u32>(tile[other + WG])));
    }
    let b = first_query + i / QUERY_THREADS * 4u * QUERY_THREADS + i % QUERY_THREADS;
    write_best(b, chunk, best.score[0], best.place[0]);
    write_best(b + QUERY_THREADS, chunk, best.score[1], best.place[1]);
    write_best(b + 2u * QUERY_THREADS, chunk, best.score[2], best.place[2]);
    write_best(b + 3u * QUERY_THREADS, chunk, best.score[3], best.place[3]);
  }
}
