// product_stage — what each thread brings of a product's operands to workgroup memory: 4 × 4.
//
// Pieces 0 … LEFT_PIECES − 1 are of the left operand, those up to PIECES of the right one:
// neighbours in rows or columns first, then in terms. product_shared and product_matrix put them
// where they want them. Needs their constants and the functions that they ask of a kernel.

// What a thread brings: four rows or four columns of a segment (which four of the tile's: quad),
// and the first of four terms.
struct Task { places: array<Place, 4>, quad: u32, term: u32 }

fn task_of(corner: vec2<u32>, piece: u32, segment: u32) -> Task {
  if (piece < LEFT_PIECES) {
    let quad = piece % (HEIGHT / 4u);
    let m = corner.x + quad * 4u;
    let places = array<Place, 4>(
      enter_row(row_of(m), segment), enter_row(row_of(m + 1u), segment),
      enter_row(row_of(m + 2u), segment), enter_row(row_of(m + 3u), segment),
    );
    return Task(places, quad, piece / (HEIGHT / 4u) * 4u);
  }
  let quad = (piece - LEFT_PIECES) % (WIDTH / 4u);
  let n = corner.y + quad * 4u;
  let places = array<Place, 4>(
    enter_column(column_of(n), segment), enter_column(column_of(n + 1u), segment),
    enter_column(column_of(n + 2u), segment), enter_column(column_of(n + 3u), segment),
  );
  return Task(places, quad, (piece - LEFT_PIECES) / (WIDTH / 4u) * 4u);
}

// One term, element by element; zeros if it is beyond the end.
fn gather_term(task: Task, piece: u32, cursor: Cursor, exists: bool) -> vec4<f32> {
  if (!exists) {
    return vec4(0.0);
  }
  if (piece < LEFT_PIECES) {
    return vec4(
      left(task.places[0], cursor), left(task.places[1], cursor),
      left(task.places[2], cursor), left(task.places[3], cursor),
    );
  }
  return vec4(
    right(task.places[0], cursor), right(task.places[1], cursor),
    right(task.places[2], cursor), right(task.places[3], cursor),
  );
}

fn gather(task: Task, piece: u32, cursor: Cursor, end: u32) -> mat4x4<f32> {
  let second = advance(cursor, ONE_TERM);
  let third = advance(second, ONE_TERM);
  return mat4x4<f32>(
    gather_term(task, piece, cursor, task.term < end),
    gather_term(task, piece, second, task.term + 1u < end),
    gather_term(task, piece, third, task.term + 2u < end),
    gather_term(task, piece, advance(third, ONE_TERM), task.term + 3u < end),
  );
}

// A piece of the next DEPTH terms, or of the `count` there are.
fn bring(task: Task, piece: u32, cursor: Cursor, count: u32) -> mat4x4<f32> {
  if (count < DEPTH) {
    return gather(task, piece, cursor, count);
  }
  if (piece < LEFT_PIECES) {
    if (VECTOR_LEFT == 4u) {
      return left_block(task.places, cursor);
    }
  } else if (VECTOR_RIGHT == 4u) {
    return right_block(task.places, cursor);
  }
  return gather(task, piece, cursor, DEPTH);
}
