/// The fitting child, started by the daemon itself.
func fit() -> Int32 {
    Terminal.complain("roost fit: this build fits nothing\n")
    return ExitCode.failed
}

let fitCommand = Command(name: "fit", summary: "Fits a model; run by the daemon.", isHidden: true) { _ in
    fit()
}
