/** @file Light, dark, or as the system is. */
import { useEffect, useState } from "preact/hooks";
import { strings } from "../strings.ts";
import { Field } from "./controls.tsx";

const themes = ["auto", "light", "dark"] as const;
type Theme = (typeof themes)[number];
const storageKey = "perceptual-ball-theme";

/** Storage may be forbidden; then the choice holds until the page is left. */
function storedTheme(): Theme {
  try {
    return themes.find((name) => name === localStorage.getItem(storageKey)) ?? "auto";
  } catch {
    return "auto";
  }
}

export function ThemePicker() {
  const [theme, setTheme] = useState<Theme>(storedTheme);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(storageKey, theme);
    } catch {
      // As said above.
    }
  }, [theme]);
  return (
    <Field label={strings.theme.label}>
      {(id) => (
        <select
          id={id}
          value={theme}
          onChange={({ currentTarget }) => setTheme(themes.find((name) => name === currentTarget.value) ?? "auto")}
        >
          {themes.map((name) => (
            <option key={name} value={name}>
              {strings.theme[name]}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
