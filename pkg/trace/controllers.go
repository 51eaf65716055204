package trace

func (s *story) controlled(w *write, a actor) actor { return a }

func resourceOf(kind string) string { return "pods" }
