-- No window, no sound, no joystick: nothing that a machine without a screen lacks.
function love.conf(options)
    for name in pairs(options.modules) do
        options.modules[name] = name == "event" or name == "timer"
    end
end
