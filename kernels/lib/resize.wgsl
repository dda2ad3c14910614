// resize — the triangle filter along one axis: which pixels of a stretch of an image an output
// pixel is made of, and how much each weighs.
//
//   w(p) = max(1 − |p + ½ − (place + ½)·ratio| / max(ratio, 1), 0)        ratio = length / size
//
// The triangle is as wide as an output pixel where the stretch shrinks (antialiased), and as a
// source pixel where it grows (plain bilinear): one formula for both. Centres at half pixels. The
// weights are to be divided by their sum: at the ends of the stretch the triangle is cut off.
//
// Source: torchvision 0.14.1, resize(antialias=True); Pillow's is the same, rounded to bytes.

// A stretch of `length` pixels from `start`, to be made into `size`.
struct ResizeSpan { start: u32, length: f32, ratio: f32, slope: f32 }

// The pixels that weigh something, first … end − 1, counted from the start. Never none.
struct ResizeTaps { first: u32, end: u32, centre: f32 }

fn resize_span(start: f32, length: f32, size: u32) -> ResizeSpan {
  let ratio = length / f32(size);
  return ResizeSpan(u32(start), length, ratio, 1.0 / max(ratio, 1.0));
}

fn resize_taps(span: ResizeSpan, place: u32) -> ResizeTaps {
  let reach = max(span.ratio, 1.0);
  let centre = (f32(place) + 0.5) * span.ratio;
  let first = u32(max(centre - reach + 0.5, 0.0));
  let end = u32(min(centre + reach + 0.5, span.length));
  return ResizeTaps(first, end, centre - 0.5);
}

fn resize_weight(span: ResizeSpan, taps: ResizeTaps, p: u32) -> f32 {
  return max(1.0 - abs(f32(p) - taps.centre) * span.slope, 0.0);
}
