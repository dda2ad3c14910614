// attention_place — which batch element, head and rows a workgroup of attention has, and where
// the rows of an operand lie.
//
// Needs WG, WIDTH and attention's `params`.

// The head h of batch element b and the first row of a workgroup. It exists where b does.
struct Place { b: u32, h: u32, first: u32, exists: bool }

// Row i of one batch element and head of operand `which` starts at Vector at + i · step.
struct Operand { which: u32, at: u32, step: u32 }

// The place of workgroup `index`, where each pair (b, h) has `count` rows.
fn attention_place(index: u32, count: u32) -> Place {
  let blocks = (count + WG - 1u) / WG;
  let pair = index / blocks;
  let b = pair / params.heads;
  return Place(b, pair - b * params.heads, (index - pair * blocks) * WG, pair < params.pairs);
}

// The rows of a place, where each b has `count`, `step` apart, and the first of all is at `start`.
fn operand_at(which: u32, place: Place, count: u32, step: u32, start: u32) -> Operand {
  return Operand(which, place.b * count * step + start + place.h * WIDTH, step);
}
