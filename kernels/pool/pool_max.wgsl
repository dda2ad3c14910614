// pool_max — the largest value in each window of an image, and where it is.
//
//   y[n,i,j,c]     = max x[n,u,v,c]
//   place[n,i,j,c] = u · width + v of the first place, in reading order, that has it
//
//   over i · stride − pad ≤ u < i · stride − pad + size, v likewise, within the image
//
//   x         f32[batch, height, width, channels · VECTOR], or f16
//   y, place  f32 (or f16), u32[batch, out_height, out_width, channels · VECTOR]
//
// A grid of column-channels × rows × images: one thread per VECTOR channels of a pixel of y, in
// IMAGES images. Exact. What lies outside the image never counts; the
// window reaches into it because pad ≤ size / 2.
//
// Source: torch.nn.MaxPool2d, whose first maximum wins as well.

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
alias VectorU32 = u32;

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
  pad_height: u32, // at most half of size_height
  pad_width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorX>;
@group(0) @binding(2) var<storage, read_write> y: array<VectorY>;
@group(0) @binding(3) var<storage, read_write> place: array<VectorU32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let at = group.x * WG + thread;
  let column = at / params.channels;
  if (column >= params.out_width) {
    return;
  }
  let row = group.y;
  let top = max(row * params.stride_height, params.pad_height) - params.pad_height;
  let left = max(column * params.stride_width, params.pad_width) - params.pad_width;
  let bottom = row * params.stride_height + params.size_height - params.pad_height;
  let right = column * params.stride_width + params.size_width - params.pad_width;
  let low = min(bottom, params.height);
  let far = min(right, params.width);
  let c = at - column * params.channels;
  let end = min((group.z + 1u) * IMAGES, params.batch);
  for (var n = group.z * IMAGES; n < end; n++) {
    let image = n * params.height * params.width;
    var most = Vector(x[(image + top * params.width + left) * params.channels + c]);
    var best = VectorU32(top * params.width + left);
    for (var u = top; u < low; u++) {
      for (var v = left; v < far; v++) {
        let here = u * params.width + v;
        let value = Vector(x[(image + here) * params.channels + c]);
        let more = value > most;
        most = select(most, value, more);
        best = select(best, VectorU32(here), more);
      }
    }
    let out = ((n * params.out_height + row) * params.out_width + column) * params.channels + c;
    y[out] = VectorY(rounded(most, ELEMENT_Y));
    place[out] = best;
  }
}
