"""A local app intelligence in the shapes of Apptopia: directory, look-ups, estimates."""
