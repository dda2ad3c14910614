// cast_to_f16 — every element rounded to f16.
//
//   y[i] = x[i] to 11 bits
//
//   x  f32[count]
//   y  Elem[count]
//
// ITEMS elements per thread, WG apart, so that neighbours read neighbours. Where the
// device has no f16, y is f32 that f16 could hold, so that what is made of it is the same.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // elements per thread
const ELEMENT: u32 = 32; // bits of an Elem: 16 where the device has f16
alias Elem = f32;

struct Params { count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Elem>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = linear_workgroup(group, groups) * WG * ITEMS + thread;
  let end = min(first + WG * ITEMS, params.count);
  for (var i = first; i < end; i += WG) {
    y[i] = Elem(quantizeToF16(x[i]));
  }
}
