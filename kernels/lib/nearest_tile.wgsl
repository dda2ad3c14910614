// nearest_tile — nearest's search on product_shared's tiles: queries are rows, pool rows columns.
//
// Needs nearest's functions and product_shared with COLS = 8 or 4.

const VECTOR_LEFT: u32 = 4; // for product_shared: whole blocks of four along d, as D allows
const VECTOR_RIGHT: u32 = 4;

alias Row = u32; // where it begins in queries, in vec4
alias Column = u32; // the same in pool
alias Place = u32; // either
alias Cursor = u32; // d
const ONE_TERM: Cursor = 1u;

fn row_of(b: u32) -> Row { return min(b, params.B - 1u) * params.depth; }
fn column_of(p: u32) -> Column { return min(p, params.window_rows - 1u) * params.depth; }
fn enter_row(row: Row, segment: u32) -> Place { return row; }
fn enter_column(column: Column, segment: u32) -> Place { return column; }
fn cursor_at(d: u32) -> Cursor { return d; }
fn advance(d: Cursor, by: Cursor) -> Cursor { return d + by; }
fn left(row: Place, d: Cursor) -> f32 { return queries[row + d / 4u][d % 4u]; }
fn right(column: Place, d: Cursor) -> f32 { return pool[column + d / 4u][d % 4u]; }
fn start(columns: vec4<u32>) -> vec4<f32> { return vec4(0.0); }

fn left_block(rows: array<Place, 4>, d: Cursor) -> mat4x4<f32> {
  let at = d / 4u;
  return transpose(mat4x4<f32>(
    queries[rows[0] + at], queries[rows[1] + at], queries[rows[2] + at], queries[rows[3] + at],
  ));
}

fn right_block(columns: array<Place, 4>, d: Cursor) -> mat4x4<f32> {
  let at = d / 4u;
  return transpose(mat4x4<f32>(
    pool[columns[0] + at], pool[columns[1] + at], pool[columns[2] + at], pool[columns[3] + at],
  ));
}

// Four queries with four pool rows, from `place` on.
fn keep_quad(best: Best, quad: Quad, place: u32, rows: u32) -> Best {
  let of_row = transpose(mat4x4<f32>(quad[0], quad[1], quad[2], quad[3]));
  let two = keep(keep(best, of_row[0], place, rows), of_row[1], place + 1u, rows);
  return keep(keep(two, of_row[2], place + 2u, rows), of_row[3], place + 3u, rows);
}

fn join(best: Best, other: Best) -> Best {
  let tie = (other.score == best.score) & (other.place < best.place);
  let won = (other.score > best.score) | tie;
  return Best(select(best.score, other.score, won), select(best.place, other.place, won));
}

// Write the best of what all threads of a line found for four queries; places are exact in f32.
fn finish(own: Best, b: u32, part: u32, thread: vec2<u32>) {
  workgroupBarrier(); // until no thread reads what was there
  staged_left[thread.x / 4u][thread.x % 4u][0][thread.y] = own.score;
  staged_left[thread.x / 4u][thread.x % 4u][1][thread.y] = vec4<f32>(own.place);
  workgroupBarrier();
  if (thread.x > 0u) {
    return;
  }
  var best = own;
  for (var x = 1u; x < WGX; x++) {
    let score = staged_left[x / 4u][x % 4u][0][thread.y];
    best = join(best, Best(score, vec4<u32>(staged_left[x / 4u][x % 4u][1][thread.y])));
  }
  write_best(b, part, best.score[0], best.place[0]);
  write_best(b + 1u, part, best.score[1], best.place[1]);
  write_best(b + 2u, part, best.score[2], best.place[2]);
  write_best(b + 3u, part, best.score[3], best.place[3]);
}

fn search(first_query: u32, part: u32, rows: u32, thread: vec2<u32>) {
  var upper = NOTHING;
  var lower = NOTHING;
  for (var first = 0u; first < rows; first += WIDTH) {
    let corner = vec2(first_query, part * params.span + first);
    let tile = multiply(corner, Span(0u, 1u, 0u, 4u * params.depth), thread);
    let place = first + 4u * thread.x;
    upper = keep_quad(upper, tile.first, place, rows);
    lower = keep_quad(lower, tile.below, place, rows);
    if (COLS == 8u) {
      upper = keep_quad(upper, tile.beside, place + WIDTH / 2u, rows);
      lower = keep_quad(lower, tile.last, place + WIDTH / 2u, rows);
    }
  }
  let b = first_query + 4u * thread.y;
  finish(upper, b, part, thread);
  finish(lower, b + HEIGHT / 2u, part, thread);
}
