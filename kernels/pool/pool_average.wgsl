// pool_average — the mean of each window of an image.
//
//   y[n,i,j,c] = Σ_{u,v} x[n, i · stride + u, j · stride + v, c] / (size_height · size_width)
//
//   over 0 ≤ u < size_height, 0 ≤ v < size_width
//
//   x  f32[batch, height, width, channels · VECTOR], or f16
//   y  f32[batch, out_height, out_width, channels · VECTOR], or f16; every window lies in the image
//
// A grid of column-channels × rows × images: one thread per VECTOR channels of a pixel of y, in
// IMAGES images. Each sum in reading order; rounding error is at most
// the size of the window in units in the last place of the mean magnitude.

const WG: u32 = 64; // threads per workgroup
const IMAGES: u32 = 8; // images per thread, which find their windows together
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;
const ELEMENT_Y: u32 = 32; // bits of an element of y: 16 where it is f16
alias ElemY = f32;
alias VectorY = ElemY;

struct Params {
  batch: u32,
  height: u32,
  width: u32,
  channels: u32, // Vectors in a pixel
  out_height: u32,
  out_width: u32,
  size_height: u32,
  size_width: u32,
  stride_height: u32,
  stride_width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorX>;
@group(0) @binding(2) var<storage, read_write> y: array<VectorY>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let at = group.x * WG + thread;
  let column = at / params.channels;
  if (column >= params.out_width) {
    return;
  }
  let row = group.y;
  let c = at - column * params.channels;
  let top = row * params.stride_height;
  let left = column * params.stride_width;
  let count = f32(params.size_height * params.size_width);
  let end = min((group.z + 1u) * IMAGES, params.batch);
  for (var n = group.z * IMAGES; n < end; n++) {
    var sum = Vector(0);
    for (var u = 0u; u < params.size_height; u++) {
      let line = (n * params.height + top + u) * params.width + left;
      for (var v = 0u; v < params.size_width; v++) {
        sum += Vector(x[(line + v) * params.channels + c]);
      }
    }
    let out = ((n * params.out_height + row) * params.out_width + column) * params.channels + c;
    y[out] = VectorY(rounded(sum / count, ELEMENT_Y));
  }
}
