"""The only package that knows the SDK's classes: it reads steps, builds new ones, and works without a service."""
