// both_lse_tile — contrastive_loss's rows and columns on product_shared's tiles, joined in
// workgroup memory.
//
// Needs contrastive_loss's functions and product_shared with COLS = 8 or 4.

fn join(a: Running, b: Running) -> Running {
  let top = max(a.top, b.top);
  return Running(top, fma(a.sum, exp(a.top - top), b.sum * exp(b.top - top)));
}

// What all threads of a line found, in their order; thread 0 of the line has it. All must call.
fn joined(found: Running, thread: u32, line: u32) -> Running {
  workgroupBarrier(); // until no thread reads what was there
  staged_left[thread / 4u][thread % 4u][0][line] = found.top;
  staged_left[thread / 4u][thread % 4u][1][line] = found.sum;
  workgroupBarrier();
  var all = found;
  for (var other = 1u; other < WGX && thread == 0u; other++) {
    let top = staged_left[other / 4u][other % 4u][0][line];
    all = join(all, Running(top, staged_left[other / 4u][other % 4u][1][line]));
  }
  return all;
}

fn finish_rows(found: Running, m: u32, part: u32, thread: vec2<u32>) {
  let all = joined(found, thread.x, thread.y);
  if (thread.x == 0u) {
    write_four(part, m, 1u, all);
  }
}

fn finish_columns(found: Running, n: u32, m: u32, thread: vec2<u32>) {
  let all = joined(found, thread.y, thread.x);
  if (thread.y == 0u) {
    write_columns(m, n, 1u, all);
  }
}

fn stream(m: u32, part: Part, thread: vec2<u32>) {
  let four = vec4(0u, 1u, 2u, 3u);
  let row = m + 4u * thread.y;
  let up = four + row;
  let low = up + HEIGHT / 2u;
  var upper = NOTHING;
  var lower = NOTHING;
  for (var first = part.begin; first < part.end; first += WIDTH) {
    let tile = multiply(vec2(m, first), Span(0u, 1u, 0u, part.terms), thread);
    let n = first + 4u * thread.x;
    var near = NOTHING;
    take_both(tile.first, &upper, &near, up, four + n, part.end);
    take_both(tile.below, &lower, &near, low, four + n, part.end);
    finish_columns(near, n, m, thread);
    if (COLS == 8u) {
      let further = four + n + WIDTH / 2u;
      var far = NOTHING;
      take_both(tile.beside, &upper, &far, up, further, part.end);
      take_both(tile.last, &lower, &far, low, further, part.end);
      finish_columns(far, n + WIDTH / 2u, m, thread);
    }
  }
  finish_rows(upper, row, part.index, thread);
  finish_rows(lower, row + HEIGHT / 2u, part.index, thread);
}
