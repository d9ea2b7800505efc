package pump_test

func serveBroker() bool { return false }
