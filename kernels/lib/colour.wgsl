// colour — changes of an RGB colour in [0, 1], as torchvision makes them of float images.
//
// Source: torchvision 0.14.1, transforms/functional_tensor.py: rgb_to_grayscale, _blend, adjust_hue
// (_rgb2hsv, _hsv2rgb).

// Luma: the weights of ITU-R BT.601 as torchvision rounds them. They sum to 0.9999.
fn colour_gray(rgb: vec3<f32>) -> f32 {
  return dot(rgb, vec3<f32>(0.2989, 0.587, 0.114));
}

// On the line from `other` (factor 0) through `rgb` (factor 1), kept in [0, 1].
fn colour_blend(rgb: vec3<f32>, other: f32, factor: f32) -> vec3<f32> {
  return clamp(factor * rgb + (1.0 - factor) * other, vec3<f32>(0.0), vec3<f32>(1.0));
}

// The hue turned by `turns` (1 is once around), at the same saturation and value (HSV).
//
// With hue h in sixths of a turn from red, a channel whose own primary is d sixths away around the
// circle is value − chroma · clamp(d − 1, 0, 1). No case for gray: its chroma is 0, whatever h is.
fn colour_turn(rgb: vec3<f32>, turns: f32) -> vec3<f32> {
  let value = max(rgb.r, max(rgb.g, rgb.b));
  let chroma = value - min(rgb.r, min(rgb.g, rgb.b));
  let red = value == rgb.r;
  let green = value == rgb.g;
  let primary = select(select(4.0, 2.0, green), 0.0, red);
  let past = select(select(rgb.r - rgb.g, rgb.b - rgb.r, green), rgb.g - rgb.b, red);
  let h = primary + past / max(chroma, 1e-30) + 6.0 * turns;
  let away = (h - vec3<f32>(0.0, 2.0, 4.0)) * (1.0 / 6.0); // in turns, whole ones to be dropped
  let sixths = 6.0 * abs(away - round(away));
  return value - chroma * clamp(sixths - 1.0, vec3<f32>(0.0), vec3<f32>(1.0));
}
