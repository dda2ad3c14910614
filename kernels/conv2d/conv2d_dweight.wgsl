// conv2d_dweight — the cotangent of conv2d's bank of kernels, in partial sums over the pixels.
//
//   dweight[p, u, v, ch, n] = Σ_k x[b, i·stride + u − pad, j·stride + v − pad, ch] · dy[k, n]
//
//   k = (b · hOut + i) · wOut + j, from p · span to min((p + 1) · span, pixels) − 1
//
//   x        Elem[B, h, w, c]
//   dy       Elem[pixels = B · hOut · wOut, o]
//   dweight  f32[ceil(pixels / span), rows = r · s · c, o]    for sum_rows to add
//
// A product of matrices whose left one, f32[rows, pixels], is gathered and never stored; how a tile
// of it is made is the library's part, as in matmul, with (u, v, ch) for rows. Each sum runs over
// its pixels in order; its error is at most span units in the last place of the sum of magnitudes.

const ELEMENT: u32 = 32; // bits of an Elem: 16 where both operands are f16
alias Elem = f32;
const VECTOR_LEFT: u32 = 1; // 4 where c is a multiple of 4
const VECTOR_RIGHT: u32 = 1; // 4 where o is
alias VectorLeft = Elem;
alias VectorRight = Elem;

struct Params {
  pixels: u32, h: u32, w: u32, c: u32, hOut: u32, wOut: u32, o: u32,
  rows: u32, s: u32, stride: u32, padding: u32 /* pad */, span: u32 /* pixels of a partial sum */,
}

@group(0) @binding(0) var<uniform> uniforms: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorLeft>;
@group(0) @binding(2) var<storage, read> dy: array<VectorRight>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;

// Of (u, v, ch): u − padding and v − padding, which wrap around, and what tap and channel add to
// the place of a pixel's first tap.
alias Row = vec3<u32>;
alias Column = u32; // n
alias Place = vec3<u32>; // a row, or n: there is one segment
alias Cursor = vec4<u32>; // a pixel's image, row and column, and its number
const ONE_TERM = vec4<u32>(0u, 0u, 1u, 1u);

var<private> params: Params; // a copy: some drivers load a uniform at every use
var<private> part: u32;

fn row_of(m: u32) -> Row {
  let row = min(m, params.rows - 1u);
  let tap = row / params.c;
  let uv = vec2(tap / params.s, tap % params.s) - params.padding;
  return vec3(uv, (uv.x * params.w + uv.y) * params.c + row % params.c);
}

fn enter_row(row: Row, segment: u32) -> Place {
  return row;
}

fn column_of(n: u32) -> Column {
  return min(n, params.o - 1u);
}

fn enter_column(column: Column, segment: u32) -> Place {
  return vec3(column, 0u, 0u);
}

fn cursor_at(k: u32) -> Cursor {
  let i = k / params.wOut;
  return vec4(i / params.hOut, i % params.hOut, k % params.wOut, k);
}

// Digit by digit: no division where a loop steps by a constant.
fn advance(pixel: Cursor, by: Cursor) -> Cursor {
  var next = pixel + by;
  if (next.z >= params.wOut) {
    next = vec4(next.x, next.y + 1u, next.z - params.wOut, next.w);
  }
  if (next.y >= params.hOut) {
    next = vec4(next.x + 1u, next.y - params.hOut, next.zw);
  }
  return next;
}

fn x_four(row: Place, pixel: Cursor) -> vec4<f32> {
  let corner = pixel.yz * params.stride;
  let base = ((pixel.x * params.h + corner.x) * params.w + corner.y) * params.c;
  let inside = corner.x + row.x < params.h && corner.y + row.y < params.w;
  let at = select(0u, base + row.z, inside);
  return select(vec4(0.0), vec4<f32>(vec4<Elem>(x[at / VECTOR_LEFT])), inside);
}

fn left(row: Place, pixel: Cursor) -> f32 {
  return x_four(row, pixel)[select(row.z % 4u, 0u, VECTOR_LEFT == 1u)];
}

fn dy_four(at: u32) -> vec4<f32> {
  return vec4<f32>(vec4<Elem>(dy[at / VECTOR_RIGHT]));
}

fn right(column: Place, pixel: Cursor) -> f32 {
  let at = pixel.w * params.o + column.x;
  return dy_four(at)[select(at % 4u, 0u, VECTOR_RIGHT == 1u)];
}

fn left_block(rows: array<Place, 4>, pixel: Cursor) -> mat4x4<f32> {
  let second = advance(pixel, ONE_TERM);
  let third = advance(second, ONE_TERM);
  return mat4x4<f32>(
    x_four(rows[0], pixel), x_four(rows[0], second),
    x_four(rows[0], third), x_four(rows[0], advance(third, ONE_TERM)),
  );
}

fn right_block(columns: array<Place, 4>, pixel: Cursor) -> mat4x4<f32> {
  let at = pixel.w * params.o + columns[0].x;
  let step = params.o;
  return mat4x4<f32>(
    dy_four(at), dy_four(at + step), dy_four(at + 2u * step), dy_four(at + 3u * step),
  );
}

fn start(columns: vec4<u32>) -> vec4<f32> {
  return vec4(0.0);
}

fn store_four(m: u32, n: u32, step: u32, values: vec4<f32>) {
  for (var j = 0u; j < STORED; j++) {
    if (m < params.rows && n + j * step < params.o) {
      dweight[(part * params.rows + m) * params.o + n + j * step] = values[j];
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
  let down = (uniforms.rows + HEIGHT - 1u) / HEIGHT;
  let index = linear_workgroup(group, groups);
  let first = index / (across * down) * uniforms.span;
  if (first >= uniforms.pixels) {
    return; // uniform over the workgroup
  }
  part = index / (across * down);
  let corner = vec2(index / across % down * HEIGHT, index % across * WIDTH);
  let end = min(first + uniforms.span, uniforms.pixels);
  store_tile(corner, multiply(corner, Span(0u, 1u, first, end), thread.xy), thread.xy);
}
