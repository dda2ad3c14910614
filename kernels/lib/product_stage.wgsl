// product_stage — how product_shared's operands come into workgroup memory, 4 × 4 by each thread.
//
// Pieces 0 … LEFT_PIECES − 1 are of the left operand, those up to PIECES of the right one:
// neighbours in rows or columns first, then in terms. Needs product_shared's constants and the
// functions that it asks of a kernel.

// By four terms, term, half of the rows or columns, and vec4 of them: indices that are constant or
// the same for every thread cost nothing, and the guard of the last one is shared.
var<workgroup> staged_left: array<array<array<array<vec4<f32>, WGY>, 2>, 4>, DEPTH / 4u>;
var<workgroup> staged_right: array<array<array<array<vec4<f32>, WGX>, COLS / 4u>, 4>, DEPTH / 4u>;

// What a thread brings: four rows or four columns of a segment, the first of four terms, and where
// they go.
struct Task { places: array<Place, 4>, term: u32, half: u32, place: u32 }

fn task_of(corner: vec2<u32>, piece: u32, segment: u32) -> Task {
  if (piece < LEFT_PIECES) {
    let quad = piece % (HEIGHT / 4u);
    let m = corner.x + quad * 4u;
    let places = array<Place, 4>(
      enter_row(row_of(m), segment), enter_row(row_of(m + 1u), segment),
      enter_row(row_of(m + 2u), segment), enter_row(row_of(m + 3u), segment),
    );
    return Task(places, piece / (HEIGHT / 4u) * 4u, quad / WGY, quad % WGY);
  }
  let quad = (piece - LEFT_PIECES) % (WIDTH / 4u);
  let n = corner.y + quad * 4u;
  let places = array<Place, 4>(
    enter_column(column_of(n), segment), enter_column(column_of(n + 1u), segment),
    enter_column(column_of(n + 2u), segment), enter_column(column_of(n + 3u), segment),
  );
  return Task(places, (piece - LEFT_PIECES) / (WIDTH / 4u) * 4u, quad / WGX, quad % WGX);
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

fn stage(task: Task, piece: u32, elements: mat4x4<f32>) {
  workgroupBarrier(); // until no thread reads what was there
  if (piece < LEFT_PIECES) {
    staged_left[task.term / 4u][0][task.half][task.place] = elements[0];
    staged_left[task.term / 4u][1][task.half][task.place] = elements[1];
    staged_left[task.term / 4u][2][task.half][task.place] = elements[2];
    staged_left[task.term / 4u][3][task.half][task.place] = elements[3];
  } else if (piece < PIECES) {
    staged_right[task.term / 4u][0][task.half][task.place] = elements[0];
    staged_right[task.term / 4u][1][task.half][task.place] = elements[1];
    staged_right[task.term / 4u][2][task.half][task.place] = elements[2];
    staged_right[task.term / 4u][3][task.half][task.place] = elements[3];
  }
  workgroupBarrier();
}
