// attention_place — which batch element, head and rows a thread of attention has.
//
// Needs WG, ROWS, WIDTH, alias Vector, and attention's `params`.

alias Rows = array<array<Vector, WIDTH>, ROWS>;

// The head h of batch element b, which is Vectors `column` … column + WIDTH − 1 of a row, and
// the first row of a workgroup. It exists where b does.
struct Place { b: u32, h: u32, column: u32, first: u32, exists: bool }

// The place of workgroup `index`, where each pair (b, h) has `count` rows.
fn attention_place(index: u32, count: u32) -> Place {
  let blocks = (count + WG * ROWS - 1u) / (WG * ROWS);
  let pair = index / blocks;
  let b = pair / params.heads;
  let h = pair - b * params.heads;
  let first = (index - pair * blocks) * WG * ROWS;
  return Place(b, h, h * WIDTH, first, pair < params.pairs);
}

// Row r of a thread, which may be past the last.
fn row_at(place: Place, r: u32, thread: u32) -> u32 {
  return place.first + r * WG + thread;
}
