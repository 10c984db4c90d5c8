"""Building Kith's container images with whichever of docker, podman and buildah works."""
