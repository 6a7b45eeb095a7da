# What `cmake --install` puts where: the program, its manual pages, scripts to
# start from, systemd's files, completions of the shells.

# The manual is made by the program, out of its own table and of docs/.
set(manual ${CMAKE_CURRENT_BINARY_DIR}/manual)
file(MAKE_DIRECTORY ${manual})
set(maker cmake/manual.lua)
add_custom_command(OUTPUT ${manual}/lunatrix.1
    COMMAND sh -c "\"$1\" help --man >\"$2.table\" && \"$1\" exec ${maker} \
command docs/cli.md <\"$2.table\" >\"$2\""
        sh $<TARGET_FILE:lunatrix> ${manual}/lunatrix.1
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    DEPENDS lunatrix ${maker} docs/cli.md VERBATIM)
add_custom_command(OUTPUT ${manual}/lunatrix.lua.5
    COMMAND sh -c "\"$1\" exec ${maker} file docs/configuration.md \
${PROJECT_VERSION} >\"$2\""
        sh $<TARGET_FILE:lunatrix> ${manual}/lunatrix.lua.5
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    DEPENDS lunatrix ${maker} docs/configuration.md VERBATIM)
add_custom_target(manual ALL
    DEPENDS ${manual}/lunatrix.1 ${manual}/lunatrix.lua.5)

# Likewise what completes its command line, for the shells it knows.
set(completions ${CMAKE_CURRENT_BINARY_DIR}/completions)
file(MAKE_DIRECTORY ${completions})
add_custom_command(OUTPUT ${completions}/made
    COMMAND sh -c "for shell in bash zsh fish; do \
\"$1\" completion $shell >$shell 2>/dev/null || rm -f $shell; done; >made"
        sh $<TARGET_FILE:lunatrix>
    WORKING_DIRECTORY ${completions} DEPENDS lunatrix VERBATIM)
add_custom_target(completions ALL DEPENDS ${completions}/made)

install(TARGETS lunatrix)
install(FILES ${manual}/lunatrix.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${manual}/lunatrix.lua.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(DIRECTORY scripts/ DESTINATION ${CMAKE_INSTALL_DATADIR}/lunatrix/scripts)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Below lib, whatever CMAKE_INSTALL_LIBDIR is: there systemd looks.
foreach(unit lunatrix@.service lunatrix.service)
    configure_file(cmake/dist/${unit}.in dist/${unit} @ONLY)
endforeach()
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/dist/lunatrix@.service
    DESTINATION lib/systemd/system)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/dist/lunatrix.service
    DESTINATION lib/systemd/user)
install(FILES cmake/dist/lunatrix.conf DESTINATION lib/sysusers.d)

install(FILES ${completions}/bash RENAME lunatrix OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${completions}/zsh RENAME _lunatrix OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${completions}/fish RENAME lunatrix.fish OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
