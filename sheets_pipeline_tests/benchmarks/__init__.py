"""Tests of benchmarks: what is compared is comparable, and damage is seen."""
