// ring_push — write a batch of rows and their ids into a ring, from its cursor on.
//
//   at(b)         = (cursor[0] + b) mod size
//   rows[at(b),·] = x[b,·]
//   ids[at(b)]    = x_ids[b]
//
// With DROP, of those b alone for which cursor[0] + b < size.
//
//   rows    f32[size, width]    updated
//   ids     u32[size]           updated
//   cursor  u32[2]              the row to be written next, rows filled; ring_advance moves it
//   x       f32[batch, width]   batch ≤ size, so that no two rows meet
//   x_ids   u32[batch]
//
// One thread per element. Of the ring's rows, window_rows from window_first on are bound and
// written; the ids of those alone. Exact.

const WG: u32 = 64; // threads per workgroup
const DROP: u32 = 0; // 1: what is beyond the ring's end is left out; 0: it goes to its beginning

struct Params { batch: u32, size: u32, width: u32, window_first: u32, window_rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> rows: array<f32>;
@group(0) @binding(2) var<storage, read_write> ids: array<u32>;
@group(0) @binding(3) var<storage, read> cursor: array<u32>;
@group(0) @binding(4) var<storage, read> x: array<f32>;
@group(0) @binding(5) var<storage, read> x_ids: array<u32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  if (i >= params.batch * params.width) {
    return;
  }
  let b = i / params.width;
  let column = i - b * params.width;
  let place = cursor[0] + b;
  if (DROP == 1u && place >= params.size) {
    return;
  }
  let at = place % params.size;
  if (at < params.window_first || at - params.window_first >= params.window_rows) {
    return;
  }
  rows[(at - params.window_first) * params.width + column] = x[i];
  if (column == 0u) {
    ids[at] = x_ids[b];
  }
}
