// nearest_tile — nearest's search on a product's tiles: queries are rows, pool rows columns.
//
// Needs nearest's functions, nearest_best, and product_shared or product_packed with COLS = 8 or 4.

// Four queries from b on with the four rows of a part from `place` on; the part begins at `first`.
fn keep_quad(best: Best, quad: Quad, b: u32, first: u32, place: u32, rows: u32) -> Best {
  let of_row = transpose(mat4x4<f32>(quad[0], quad[1], quad[2], quad[3]));
  let p = first + place;
  let one = keep(best, rated(of_row[0], b, p), place, rows);
  let two = keep(one, rated(of_row[1], b, p + 1u), place + 1u, rows);
  let three = keep(two, rated(of_row[2], b, p + 2u), place + 2u, rows);
  return keep(three, rated(of_row[3], b, p + 3u), place + 3u, rows);
}

// Write the best of what all threads of a line found for four queries; places are exact in f32.
fn finish(own: Best, b: u32, part: u32, thread: vec2<u32>) {
  workgroupBarrier(); // until no thread reads what was there
  staged_left[thread.x / 4u][thread.x % 4u][0][thread.y] = bitcast<Staged>(own.score);
  staged_left[thread.x / 4u][thread.x % 4u][1][thread.y] = bitcast<Staged>(vec4<f32>(own.place));
  if (SECOND == 1u) {
    staged_right[thread.x / 4u][thread.x % 4u][0][thread.y] = bitcast<Staged>(own.second);
  }
  workgroupBarrier();
  if (thread.x > 0u) {
    return;
  }
  var best = own;
  for (var x = 1u; x < WGX; x++) {
    let score = bitcast<vec4<f32>>(staged_left[x / 4u][x % 4u][0][thread.y]);
    let place = bitcast<vec4<f32>>(staged_left[x / 4u][x % 4u][1][thread.y]);
    var second = vec4(LOWEST);
    if (SECOND == 1u) {
      second = bitcast<vec4<f32>>(staged_right[x / 4u][x % 4u][0][thread.y]);
    }
    best = join(best, Best(score, vec4<u32>(place), second));
  }
  write_best(b, part, best.score[0], best.place[0], best.second[0]);
  write_best(b + 1u, part, best.score[1], best.place[1], best.second[1]);
  write_best(b + 2u, part, best.score[2], best.place[2], best.second[2]);
  write_best(b + 3u, part, best.score[3], best.place[3], best.second[3]);
}

fn search(first_query: u32, part: u32, rows: u32, thread: vec2<u32>) {
  let b = first_query + 4u * thread.y;
  let below = b + HEIGHT / 2u;
  let base = part * params.span;
  var upper = NOTHING;
  var lower = NOTHING;
  for (var first = 0u; first < rows; first += WIDTH) {
    let corner = vec2(first_query, base + first);
    let tile = multiply(corner, Span(0u, 1u, 0u, TERMS * params.depth), thread);
    let place = first + 4u * thread.x;
    upper = keep_quad(upper, tile.first, b, base, place, rows);
    lower = keep_quad(lower, tile.below, below, base, place, rows);
    if (COLS == 8u) {
      upper = keep_quad(upper, tile.beside, b, base, place + WIDTH / 2u, rows);
      lower = keep_quad(lower, tile.last, below, base, place + WIDTH / 2u, rows);
    }
  }
  finish(upper, b, part, thread);
  finish(lower, below, part, thread);
}
