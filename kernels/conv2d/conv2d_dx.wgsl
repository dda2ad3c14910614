// conv2d_dx — the cotangent of conv2d's images.
//
//   dx[b, y, x, ch] = Σ_{u,v,n} dy[b, i, j, n] · weight[u, v, ch, n]
//
//   i = (y + padding − u) / STRIDE, j = (x + padding − v) / STRIDE, where both are whole
//
//   dy      Elem[B, hOut, wOut, o]
//   weight  Elem[r, s, c, o]
//   dx      f32[B, h, w, c]
//
// Pixels of one phase (y, x modulo STRIDE) meet the same taps, every STRIDE-th: for them this is a
// correlation of stride 1 with a part of the bank, as in conv2d, with no tap in vain. Segments are
// the taps, terms the channels n. Each sum runs over u, falling v, and n; its error is at most
// r · s · o units in the last place of the sum of magnitudes.

const STRIDE: u32 = 1;
const ELEMENT: u32 = 32; // bits of an Elem: 16 where both operands are f16
alias Elem = f32;
const VECTOR_LEFT: u32 = 1; // 4 where o is a multiple of 4
const VECTOR_RIGHT: u32 = 1;
alias VectorLeft = Elem;
alias VectorRight = Elem;

struct Params {
  images: u32, h: u32, w: u32, c: u32, hOut: u32, wOut: u32, o: u32, r: u32, s: u32, padding: u32,
}

@group(0) @binding(0) var<uniform> uniforms: Params;
@group(0) @binding(1) var<storage, read> dy: array<VectorLeft>;
@group(0) @binding(2) var<storage, read> weight: array<VectorRight>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

struct Phase {
  first: vec2<u32>, // row and column of its first pixel
  size: vec2<u32>, // its rows and columns of an image
  pixels: u32, // of all images
  tap: vec2<u32>, // the first tap that meets it
  taps: vec2<u32>, // how many do
  shift: vec2<u32>, // row of dy under its first tap, column under its last, less the pixel's
}

fn phase_of(index: u32) -> Phase {
  let first = vec2(index / STRIDE, index % STRIDE);
  let size = (vec2(uniforms.h, uniforms.w) + STRIDE - 1u - first) / STRIDE;
  let tap = (first + uniforms.padding) % STRIDE;
  let taps = (vec2(uniforms.r, uniforms.s) + STRIDE - 1u - tap) / STRIDE;
  let shift = (first + uniforms.padding - tap) / STRIDE - vec2(0u, taps.y - 1u);
  return Phase(first, size, uniforms.images * size.x * size.y, tap, taps, shift);
}

var<private> params: Params; // a copy: some drivers load a uniform at every use
var<private> phase: Phase;

// Of a pixel: the image, the row and the column of dy under its first tap's row and last column;
// what lies before the border wraps around.
alias Row = vec3<u32>;
alias Column = u32; // where it begins in weight
alias Place = vec2<u32>; // where its tap begins in dy or in weight, and whether it meets dy
alias Cursor = u32; // n
const ONE_TERM: Cursor = 1u;

// The image, row and column of a pixel among its phase's.
fn pixel_of(m: u32) -> vec3<u32> {
  let i = m / phase.size.y;
  return vec3(i / phase.size.x, i % phase.size.x, m % phase.size.y);
}

fn row_of(m: u32) -> Row {
  return pixel_of(min(m, phase.pixels - 1u)) + vec3(0u, phase.shift);
}

fn enter_row(row: Row, segment: u32) -> Place {
  let i = row.y - segment / phase.taps.y;
  let j = row.z + segment % phase.taps.y;
  let met = i < params.hOut && j < params.wOut;
  let at = ((row.x * params.hOut + i) * params.wOut + j) * params.o;
  return select(vec2(0u), vec2(at, 1u), met);
}

fn column_of(n: u32) -> Column {
  return min(n, params.c - 1u) * params.o;
}

fn enter_column(column: Column, segment: u32) -> Place {
  let nth = vec2(segment / phase.taps.y, phase.taps.y - 1u - segment % phase.taps.y);
  let tap = phase.tap + nth * STRIDE;
  return vec2(column + (tap.x * params.s + tap.y) * params.c * params.o, 1u);
}

fn cursor_at(k: u32) -> Cursor { return k; }
fn advance(k: Cursor, by: Cursor) -> Cursor { return k + by; }

fn dy_four(row: Place, k: Cursor) -> vec4<f32> {
  return select(vec4(0.0), vec4<f32>(vec4<Elem>(dy[(row.x + k) / VECTOR_LEFT])), row.y > 0u);
}

fn weight_four(at: u32) -> vec4<f32> { return vec4<f32>(vec4<Elem>(weight[at / VECTOR_RIGHT])); }

fn left(row: Place, k: Cursor) -> f32 {
  return dy_four(row, k)[select((row.x + k) % 4u, 0u, VECTOR_LEFT == 1u)];
}

fn right(column: Place, k: Cursor) -> f32 {
  return weight_four(column.x + k)[select((column.x + k) % 4u, 0u, VECTOR_RIGHT == 1u)];
}

fn left_block(rows: array<Place, 4>, k: Cursor) -> mat4x4<f32> {
  return transpose(
    mat4x4<f32>(dy_four(rows[0], k), dy_four(rows[1], k), dy_four(rows[2], k), dy_four(rows[3], k)),
  );
}

fn right_block(columns: array<Place, 4>, k: Cursor) -> mat4x4<f32> {
  return transpose(mat4x4<f32>(
    weight_four(columns[0].x + k), weight_four(columns[1].x + k),
    weight_four(columns[2].x + k), weight_four(columns[3].x + k),
  ));
}

fn start(columns: vec4<u32>) -> vec4<f32> { return vec4(0.0); }

fn store_four(m: u32, n: u32, step: u32, values: vec4<f32>) {
  let pixel = pixel_of(m);
  let place = pixel.yz * STRIDE + phase.first;
  let at = ((pixel.x * params.h + place.x) * params.w + place.y) * params.c + n;
  for (var j = 0u; j < STORED; j++) {
    if (m < phase.pixels && n + j * step < params.c) {
      dx[at + j * step] = values[j];
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
  let across = (uniforms.c + WIDTH - 1u) / WIDTH;
  let of_tile = phase_of(linear_workgroup(group, groups) % (STRIDE * STRIDE));
  let index = linear_workgroup(group, groups) / (STRIDE * STRIDE);
  let corner = vec2(index / across * HEIGHT, index % across * WIDTH);
  if (corner.x >= of_tile.pixels) {
    return; // uniform over the workgroup
  }
  phase = of_tile;
  let tile = multiply(corner, Span(0u, of_tile.taps.x * of_tile.taps.y, 0u, uniforms.o), thread.xy);
  store_tile(corner, tile, thread.xy);
}
