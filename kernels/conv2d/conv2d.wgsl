// conv2d — correlation of images with a bank of kernels, channels last, zeros beyond the border.
//
//   y[b,i,j,n] = Σ_{u,v,ch} x[b, i·stride + u − pad, j·stride + v − pad, ch] · weight[u,v,ch,n]
//
//   x       Elem[B, h, w, c]
//   weight  Elem[r, s, c, o]      u < r, v < s
//   y       f32[pixels = B · hOut · wOut, o], or f16, of sums in f32
//
// A product of matrices whose left one, f32[pixels, r · s · c], is gathered and never stored; how a
// tile of it is made is the library's part, as in matmul. What a row of a kernel meets lies in one
// row of x without a gap: the segments are the rows u, (v, ch) together their terms. Each sum runs
// over (u, v, ch) in order; its error is at most r · s · c units in the last place of the sum of
// magnitudes.

const APART: u32 = 0; // 1: rows go through the images first and then through their pixels
const ELEMENT: u32 = 32; // bits of an Elem: 16 where both operands are f16
alias Elem = f32;
const VECTOR_LEFT: u32 = 1; // 4 where c is a multiple of 4
const VECTOR_RIGHT: u32 = 1; // 4 where o is
alias VectorLeft = Elem;
alias VectorRight = Elem;
const ELEMENT_Y: u32 = 32; // bits of an element of y: 16 where it is f16
alias ElemY = f32;
alias Vector = f32; // what rounded.wgsl works on

struct Params {
  pixels: u32, h: u32, w: u32, c: u32, hOut: u32, wOut: u32, o: u32,
  r: u32, s: u32, stride: u32, padding: u32 /* pad */,
}

@group(0) @binding(0) var<uniform> uniforms: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorLeft>;
@group(0) @binding(2) var<storage, read> weight: array<VectorRight>;
@group(0) @binding(3) var<storage, read_write> y: array<ElemY>;

// Of a pixel: the image, the row of x under its first tap, and the place of that tap in the row.
// What lies before the border wraps around and so is beyond it.
alias Row = vec3<u32>;
alias Column = u32; // where it begins in weight
// Of a pixel: where its row of x begins, and the first tap's place in it, which is beyond the end
// if there is no such row. Of a column: where its row of weight begins.
alias Place = vec2<u32>;
alias Cursor = u32; // v · c + ch
const ONE_TERM: Cursor = 1u;

var<private> params: Params; // a copy: some drivers load a uniform at every use
// The number of row m's pixel among all of y.
fn pixel_of(m: u32) -> u32 {
  let area = params.hOut * params.wOut;
  let images = params.pixels / area;
  return select(m, m % images * area + m / images, APART == 1u);
}

fn row_of(m: u32) -> Row {
  let pixel = pixel_of(min(m, params.pixels - 1u));
  let i = pixel / params.wOut;
  let first = vec2(i % params.hOut, pixel % params.wOut) * params.stride - params.padding;
  return vec3(i / params.hOut, first.x, first.y * params.c);
}

// Rows of taps, and places in them, that any pixel of a tile meets: `low` to `high` are the tile's.
fn met(low: vec2<u32>, high: vec2<u32>) -> Span {
  let first = max(vec2(uniforms.padding), high * uniforms.stride) - high * uniforms.stride;
  let size = vec2(uniforms.h, uniforms.w) + uniforms.padding - low * uniforms.stride;
  let end = min(vec2(uniforms.r, uniforms.s), size) * vec2(1u, uniforms.c);
  return Span(first.x, end.x, first.y * uniforms.c, end.y);
}

// What a tile multiplies: with rows apart its pixels have the same place, or few, in their images.
fn span_of(corner: u32) -> Span {
  let last = vec2(uniforms.hOut, uniforms.wOut) - 1u;
  let images = uniforms.pixels / (uniforms.hOut * uniforms.wOut);
  let low = corner / images;
  let high = (min(corner + HEIGHT, uniforms.pixels) - 1u) / images;
  let rows = vec2(low, high) / uniforms.wOut;
  let columns = select(vec2(0u, last.y), vec2(low, high) % uniforms.wOut, rows.x == rows.y);
  if (APART == 1u) {
    return met(vec2(rows.x, columns.x), vec2(rows.y, columns.y));
  }
  return met(vec2(0u), last);
}

fn enter_row(row: Row, u: u32) -> Place {
  let i = row.y + u;
  let length = params.w * params.c;
  let begin = (row.x * params.h + min(i, params.h - 1u)) * length;
  return vec2(begin, select(length, row.z, i < params.h));
}

fn column_of(n: u32) -> Column { return min(n, params.o - 1u); }
fn enter_column(column: Column, u: u32) -> Place {
  return vec2(column + u * params.s * params.c * params.o, 0u);
}
fn cursor_at(k: u32) -> Cursor { return k; }
fn advance(k: Cursor, by: Cursor) -> Cursor { return k + by; }

fn left(row: Place, k: Cursor) -> f32 {
  let place = row.y + k;
  let length = params.w * params.c;
  let at = row.x + min(place, length - 1u);
  let four = vec4<f32>(vec4<Elem>(x[at / VECTOR_LEFT]));
  return select(0.0, four[select(at % 4u, 0u, VECTOR_LEFT == 1u)], place < length);
}

fn right(column: Place, k: Cursor) -> f32 {
  let at = column.x + k * params.o;
  return w_four(at)[select(at % 4u, 0u, VECTOR_RIGHT == 1u)];
}
fn x_four(row: Place, k: Cursor) -> vec4<f32> {
  let place = row.y + k;
  let length = params.w * params.c;
  let at = row.x + min(place, length - 4u);
  return select(vec4(0.0), vec4<f32>(vec4<Elem>(x[at / VECTOR_LEFT])), place < length);
}

fn left_block(rows: array<Place, 4>, k: Cursor) -> mat4x4<f32> {
  return transpose(
    mat4x4<f32>(x_four(rows[0], k), x_four(rows[1], k), x_four(rows[2], k), x_four(rows[3], k)),
  );
}

fn w_four(at: u32) -> vec4<f32> { return vec4<f32>(vec4<Elem>(weight[at / VECTOR_RIGHT])); }
fn right_block(columns: array<Place, 4>, k: Cursor) -> mat4x4<f32> {
  let step = params.o;
  let at = columns[0].x + k * step;
  return mat4x4<f32>(w_four(at), w_four(at + step), w_four(at + 2u * step), w_four(at + 3u * step));
}

fn start(columns: vec4<u32>) -> vec4<f32> { return vec4(0.0); }
fn store_four(m: u32, n: u32, step: u32, values: vec4<f32>) {
  let at = pixel_of(m) * params.o + n;
  for (var j = 0u; j < STORED; j++) {
    if (m < params.pixels && n + j * step < params.o) {
      y[at + j * step] = ElemY(rounded(values[j], ELEMENT_Y));
    }
  }
}

@compute @workgroup_size(WGX, WGY)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  params = uniforms;
  let across = (uniforms.o + WIDTH - 1u) / WIDTH;
  let index = linear_workgroup(group, groups);
  let corner = vec2(index / across * HEIGHT, index % across * WIDTH);
  store_tile(corner, multiply(corner, span_of(corner.x), thread.xy), thread.xy);
}
