"""Publishing and unpublishing: from a draft to what pushes and readers see."""
