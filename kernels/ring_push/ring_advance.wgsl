// ring_advance — move a ring's cursor past the rows that ring_push wrote.
//
//   cursor[0] = (cursor[0] + batch) mod size
//   cursor[1] = min(cursor[1] + batch, size)
//
// With DROP, cursor[0] = 0 where the batch reaches the end: what was beyond it was not written.
//
//   cursor  u32[2]    updated
//
// One thread; a dispatch of its own, since every thread of ring_push reads the old cursor.

const WG: u32 = 1; // threads per workgroup
const DROP: u32 = 0; // 1: what is beyond the ring's end is left out; 0: it goes to its beginning

struct Params { batch: u32, size: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> cursor: array<u32>;

@compute @workgroup_size(WG)
fn main() {
  let end = cursor[0] + params.batch;
  cursor[0] = select(end % params.size, 0u, DROP == 1u && end >= params.size);
  cursor[1] = min(cursor[1] + params.batch, params.size);
}
