import Core

/// A trigger by what tells it apart within a user.
struct PlainTrigger: Hashable, CustomStringConvertible {
    var rule: String
    var due: Int64
    var description: String { "\(rule) due \(EventTime(microseconds: due))" }
}

extension PlainStore {
    /// Every trigger that the rules without a model call for, if everything that has arrived had come in
    /// its order: the user's events sorted by time and arrival, walked through once.
    func triggers(_ user: String) -> Set<PlainTrigger> {
        let triggers = settings.triggers
        let stageRules = [
            ("browse_abandoned", triggers.browseAbandoned.delay),
            ("cart_abandoned", triggers.cartAbandoned.delay),
            ("checkout_abandoned", triggers.checkoutAbandoned.delay),
        ]
        let depths = ["view_item": 0, "add_to_cart": 1, "begin_checkout": 2]
        var fired: Set<PlainTrigger> = []
        var pending: [String: Int64] = [:]
        var stage: (depth: Int, due: Int64)?
        var bought = false
        func fire(before instant: Int64) {
            for (rule, due) in pending where due < instant && due < frontier {
                fired.insert(PlainTrigger(rule: rule, due: due))
                pending[rule] = nil
            }
            if let waiting = stage, waiting.due < instant, waiting.due < frontier {
                fired.insert(PlainTrigger(rule: stageRules[waiting.depth].0, due: waiting.due))
                stage = nil
            }
        }
        for arrival in sorted(user) where arrival.event.time < frontier {
            let event = arrival.event
            fire(before: event.time)
            if let depth = depths[event.name], depth >= stage?.depth ?? 0 {
                stage = (depth, event.time + stageRules[depth].1)
            }
            if event.name == "purchase" {
                bought = true
                stage = nil
                pending["dormant"] = nil
                pending["onboarding_stalled"] = nil
                pending["churned"] = event.time + triggers.churned.delay
                pending["win_back"] = event.time + triggers.winBack.delay
            } else if !bought {
                pending["dormant"] = event.time + triggers.dormant.delay
            }
            if event.name == "sign_up" {
                let welcome = event.time + triggers.welcome.delay
                // Each sign-up has its own welcome.
                if welcome < frontier { fired.insert(PlainTrigger(rule: "welcome", due: welcome)) }
                pending["onboarding_stalled"] = event.time + triggers.onboardingStalled.delay
            }
        }
        fire(before: .max)
        return fired
    }
}
