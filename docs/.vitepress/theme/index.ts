/** @file VitePress's own theme with this project's colors. */
import DefaultTheme from "vitepress/theme";
import "./style.css";

export default DefaultTheme;
