// ring_push — scale a batch of rows to unit length and write them, with their ids, into a ring,
// from its cursor on.
//
//   at(b)         = (cursor[0] + b) mod size
//   rows[at(b),c] = x[b,c] / max(√(Σ_k x[b,k]²), TINY)
//   ids[at(b)]    = x_ids[b]
//
// With DROP, of those b alone for which cursor[0] + b < size.
//
//   rows    f32[size, WIDTH · VECTOR]    updated
//   ids     u32[size]                    updated
//   cursor  u32[2]                       the row to be written next, rows filled; ring_advance
//                                        moves it
//   x       f32[batch, WIDTH · VECTOR]   batch ≤ size, so that no two rows meet
//   x_ids   u32[batch]
//
// LANES threads per row, as in unit_rows; how a row is read, summed and bounded is the library's
// part (unit_row). Of the ring's rows, window_rows from window_first on are bound and written; the
// ids of those alone.

const WG: u32 = 64; // threads per workgroup
const LANES: u32 = 32; // threads per row; divides WG (lanes)
const KEPT: u32 = 16; // Vectors of a row that a thread keeps in registers, at most
const WIDTH: u32 = 1; // Vectors of a row
const VECTOR: u32 = 1; // elements of a Vector
const DROP: u32 = 0; // 1: what is beyond the ring's end is left out; 0: it goes to its beginning

alias Vector = f32;

struct Params { batch: u32, size: u32, window_first: u32, window_rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> rows: array<Vector>;
@group(0) @binding(2) var<storage, read_write> ids: array<u32>;
@group(0) @binding(3) var<storage, read> cursor: array<u32>;
@group(0) @binding(4) var<storage, read> x: array<Vector>;
@group(0) @binding(5) var<storage, read> x_ids: array<u32>;

fn put(at: u32, value: Vector) {
  rows[at] = value;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let b = linear_workgroup(group, groups) * (WG / LANES) + thread / LANES;
  let place = cursor[0] + b;
  let at = place % params.size;
  let bound = at >= params.window_first && at - params.window_first < params.window_rows;
  let written = b < params.batch && bound && (DROP == 0u || place < params.size);
  let end = select(0u, WIDTH, written);
  unit_row(thread, b * WIDTH, (at - params.window_first) * WIDTH, end);
  if (thread % LANES == 0u && written) {
    ids[at] = x_ids[b];
  }
}
